//go:build linux || darwin

package main

import "syscall"

// freeSpace is how many bytes the disk under a folder has for ordinary users; false
// when it cannot be seen.
func freeSpace(folder string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
