package sandbox

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// accessToken is one that works, until it expires if it ever does.
type accessToken struct {
	admin   bool
	expires time.Time // zero: long-lived
	revoked bool
}

// refreshToken works once. On Kommo it goes on working until a token that it was exchanged for is used.
type refreshToken struct {
	from  string // the token it was exchanged for
	used  bool
	spent bool
}

// authorize finds the token of a request.
func (w *World) authorize(rq *request) (*accessToken, *reply) {
	text, ok := strings.CutPrefix(rq.header.Get("Authorization"), "Bearer ")
	t := w.tokens[text]
	switch {
	case !ok || text == "":
		return nil, problem(http.StatusUnauthorized, "Authorization: Bearer is missing")
	case t == nil:
		return nil, problem(http.StatusUnauthorized, "Unknown token")
	case t.revoked:
		return nil, problem(http.StatusUnauthorized, "Token was revoked")
	case !t.expires.IsZero() && !rq.acted.Before(t.expires):
		return nil, problem(http.StatusUnauthorized, "Token has expired")
	}
	return t, nil
}

// codeLife is how long an authorization code is good.
const codeLife = 20 * time.Minute

// issueTokens exchanges an authorization code or a refresh token for a new pair.
// https://www.amocrm.ru/developers/content/oauth/step-by-step
func (w *World) issueTokens(rq *request) *reply {
	o, err := parseObject(rq.body)
	if err != nil {
		return problem(http.StatusBadRequest, err.Error())
	}
	c := w.o.OAuth
	id, secret := o.str("client_id", true), o.str("client_secret", true)
	grant, redirect := o.str("grant_type", true), o.str("redirect_uri", true)
	code, refresh := o.str("code", grant == "authorization_code"), o.str("refresh_token", grant == "refresh_token")
	if len(*o.faults) > 0 {
		return problem(http.StatusBadRequest, (*o.faults)[0].Path+": "+(*o.faults)[0].Detail)
	}
	if id != c.ClientID || secret != c.ClientSecret || redirect != c.RedirectURI {
		return problem(http.StatusBadRequest, "client_id, client_secret or redirect_uri is not the registered one")
	}
	switch grant {
	case "authorization_code":
		given, ok := w.codes[code]
		if !ok || rq.acted.Sub(given) > codeLife {
			return problem(http.StatusBadRequest, "Authorization code is unknown, used or has expired")
		}
		delete(w.codes, code)
		return w.newPair(rq, "")
	case "refresh_token":
		t := w.refreshes[refresh]
		if t == nil || t.spent || t.used && w.o.Flavour != Kommo {
			return problem(http.StatusBadRequest, "Refresh token is unknown or was used")
		}
		t.used = true
		if from := w.refreshes[t.from]; from != nil {
			from.spent = true
		}
		return w.newPair(rq, refresh)
	}
	return problem(http.StatusBadRequest, "grant_type is not supported")
}

// newPair issues an access token and the refresh token that follows from another.
func (w *World) newPair(rq *request, from string) *reply {
	w.counters.TokensIssued++
	n := w.counters.TokensIssued
	life := w.o.OAuth.TokenLifetime
	access := token(w.o, "access-"+strconv.Itoa(n), rq.acted.Add(life).Unix())
	refresh := "refresh-" + w.newUUID("refresh", n).String()
	w.tokens[access] = &accessToken{admin: true, expires: rq.acted.Add(life)}
	w.refreshes[refresh] = &refreshToken{from: from}
	body := doc{
		"token_type": "Bearer", "expires_in": int(life / time.Second), "access_token": access, "refresh_token": refresh,
	}
	if w.o.Flavour == Kommo {
		body["server_time"] = w.serverTime().Unix()
	}
	return okJSON(body)
}

// token has the shape and the claims of a real one. Nobody can verify it, and no client should.
func token(o Options, id string, expires int64) string {
	domain := "amocrm.ru"
	if o.Flavour == Kommo {
		domain = "kommo.com"
	}
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(encode(v)) }
	claims := doc{
		"aud": o.OAuth.ClientID, "jti": id, "exp": expires, "sub": "7001", "grant_type": "", "version": 2,
		"account_id": o.Account.ID, "base_domain": domain, "api_domain": "api-b." + domain,
		"scopes": []string{"crm", "files", "notifications", "push_notifications"},
	}
	return part(doc{"typ": "JWT", "alg": "RS256"}) + "." + part(claims) + "." +
		base64.RawURLEncoding.EncodeToString([]byte("sandbox signature "+id))
}

// ExpireTokens ends every access token that has an end, as if its time had passed.
func (w *World) ExpireTokens() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.tokens {
		if !t.expires.IsZero() {
			t.expires = w.began
		}
	}
}

// RevokeTokens switches the integration off: no token works any more, long-lived ones included.
func (w *World) RevokeTokens() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.tokens {
		t.revoked = true
	}
	for _, t := range w.refreshes {
		t.spent = true
	}
}
