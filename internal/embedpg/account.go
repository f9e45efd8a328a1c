package embedpg

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is whom the server runs as, when not as ourselves.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged returns the account to run the server as, or nil to run it as ourselves.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, &Error{Op: "choose an account", Err: errors.New("it refuses to run as root, and there is neither an account postgres nor nobody"),
		hint: "Run as another user than root."}
}

// reaches tells whether the account, as one of all others, can walk to the file and read it. Group rights and access
// lists are left out: a no that could be a yes only makes us look further.
func (a *account) reaches(file string) bool {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return false
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o005 != 0o005 {
		return false
	}
	return a.walks(filepath.Dir(file))
}

// walks tells whether the account can pass through a folder and all above it.
func (a *account) walks(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return true
	}
}

// tempDir is where folders with sockets can be: the system's folder for temporary files if sockets fit into it and
// the account can use it, else /tmp.
func tempDir(as *account) string {
	dir, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil || !filepath.IsAbs(dir) || len(dir) > maxSocketDir-len("/amoimport-pg-0123456789") {
		return "/tmp"
	}
	if as != nil {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o007 != 0o007 || !as.walks(dir) {
			return "/tmp"
		}
	}
	return dir
}

// keptDir prepares a data folder that outlives the server, and refuses one that is not ours.
func keptDir(dir string, as *account) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", &Error{Op: "find data folder " + dir, Err: err}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", &Error{Op: "make data folder", Err: err}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", &Error{Op: "read data folder", Err: err}
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return "", &Error{Op: "use data folder " + dir, Err: errors.New("it holds files and was not made by an earlier start"),
				hint: "Name a folder that is new, empty, or was kept earlier."}
		}
	}
	if as == nil {
		return dir, nil
	}
	if !as.walks(filepath.Dir(dir)) {
		return "", &Error{Op: "use data folder " + dir, Err: fmt.Errorf("the account %s, which has to run the server for root, cannot reach it", as.name),
			hint: "Name a folder below one that everybody may pass through, such as /var/tmp."}
	}
	if len(entries) == 0 {
		if err := os.Chown(dir, int(as.uid), int(as.gid)); err != nil {
			return "", &Error{Op: "give data folder to " + as.name, Err: err}
		}
	}
	return dir, nil
}
