package sandbox

// party is an author or a reader: a client outside, or a user or the bot inside.
type party struct {
	id       uuid   // amojo's
	clientID string // ours
	inside   bool
	name     string
	avatar   string
	phone    string
	email    string
	link     string
}

// partyKey finds a party. Clients are found by our id alone. Users and the bot are known to amojo by ref; our own id
// of them is kept too, since it is what was sent.
type partyKey struct {
	ref      string
	clientID string
}

// profile is a participant as a request describes it.
type profile struct {
	id, ref, name, avatar, link, phone, email string
}

func readProfile(o object) profile {
	p := profile{
		id: o.id("id", true), ref: o.str("ref_id", false), name: o.str("name", true),
		avatar: o.str("avatar", false), link: o.str("profile_link", false),
	}
	if in, ok := o.child("profile", false); ok {
		p.phone, p.email = in.str("phone", false), in.str("email", false)
	}
	return p
}

// inside finds a user or the bot by amojo's id of it.
func (w *World) inside(ref string) (name string, active, ok bool) {
	if ref == w.o.Channel.Bot.ID {
		return w.channel.title, true, true // bot messages show the channel's title, whatever name was sent
	}
	for i := range w.o.Users {
		if u := &w.o.Users[i]; u.AmojoID != "" && u.AmojoID == ref {
			return u.Name, !u.Deactivated, true
		}
	}
	return "", false, false
}

// client returns the client with our id, as it is stored already if it is.
func (w *World) client(p profile) *party {
	key := partyKey{clientID: p.id}
	if known, ok := w.parties[key]; ok {
		return known
	}
	made := &party{
		id: w.newUUID("client", 0, p.id), clientID: p.id, name: p.name,
		avatar: p.avatar, phone: p.phone, email: p.email, link: p.link,
	}
	w.parties[key] = made
	return made
}

// insider returns a user or the bot as an author. The profile's ref was checked before.
func (w *World) insider(p profile) *party {
	key := partyKey{p.ref, p.id}
	if known, ok := w.parties[key]; ok {
		return known
	}
	name, _, _ := w.inside(p.ref)
	id, _ := parseUUID(p.ref)
	made := &party{id: id, clientID: p.id, inside: true, name: name}
	w.parties[key] = made
	return made
}

// checkParty checks a ref_id: none, an active insider's, or the one that amojo gave to this very client.
func (w *World) checkParty(o object, p profile) (inside bool) {
	if p.ref == "" {
		return false
	}
	if _, active, ok := w.inside(p.ref); ok {
		if !active {
			o.fail("ref_id", "NotFound", "This user is deactivated.")
		}
		return true
	}
	known, ok := w.parties[partyKey{clientID: p.id}]
	if !ok || known.id.String() != p.ref {
		o.fail("ref_id", "NotFound", "No such user, bot or client.")
	}
	return false
}

func (p *party) copy() Party {
	if p == nil {
		return Party{}
	}
	return Party{ID: p.clientID, RefID: p.id.String(), Name: p.name, Phone: p.phone, Email: p.email}
}
