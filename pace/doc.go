// Package pace decides when a call may go out, and when it may go out again.
//
// A [Pacer] belongs to one API and is shared by everything that calls it. A
// [Transport] is an http.RoundTripper that asks the Pacer for its turn before
// each attempt and repeats what is safe to repeat. What a failed write means is
// left to the caller: a request that changes something is never repeated once a
// byte of it may have reached the server.
package pace
