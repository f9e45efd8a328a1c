package source

// class is a family of column types that the contract accepts for a value.
type class int

const (
	classID     class = iota // text, uuid, integers, numeric
	classText                // text or an enum
	classPhone               // text, or digits kept as a number
	classBool                // boolean, or an integer that is 0 for false
	classInt                 // integers
	classNumber              // integers, floats, numeric
	classTime                // timestamptz, or timestamp with a configured zone
)

// column is one column of the contract.
type column struct {
	name     string
	class    class
	required bool
	unhashed bool // left out of the row's hash
}

// table is the contract of one query.
type table struct {
	name    string
	columns []column
}

// The contract: what the three queries return. The order of the columns of
// messages is part of the row hash and must stay.
var (
	conversationsTable = table{"conversations", []column{
		{name: "id", class: classID, required: true},
		{name: "client_id", class: classID},
		{name: "client_name", class: classText},
		{name: "client_phone", class: classPhone},
		{name: "client_email", class: classText},
		{name: "client_avatar_url", class: classText},
		{name: "client_profile_url", class: classText},
		{name: "closed", class: classBool},
		{name: "source_external_id", class: classID},
	}}
	messagesTable = table{"messages", []column{
		{name: "conversation_id", class: classID, required: true},
		{name: "id", class: classID, required: true},
		{name: "seq", class: classInt},
		{name: "sent_at", class: classTime, required: true},
		{name: "direction", class: classText, required: true},
		{name: "manager_id", class: classID},
		{name: "author_id", class: classID},
		{name: "author_name", class: classText},
		{name: "kind", class: classText},
		{name: "text", class: classText},
		{name: "media_url", class: classText, unhashed: true},
		{name: "file_name", class: classText},
		{name: "file_size", class: classInt},
		{name: "media_duration", class: classNumber},
		{name: "latitude", class: classNumber},
		{name: "longitude", class: classNumber},
		{name: "contact_name", class: classText},
		{name: "contact_phone", class: classPhone},
		{name: "sticker_id", class: classID},
		{name: "reply_to_id", class: classID},
		{name: "skip_reason", class: classText},
	}}
	managersTable = table{"managers", []column{
		{name: "id", class: classID, required: true},
		{name: "name", class: classText},
		{name: "email", class: classText},
	}}
)

// column is the contract's column of that name; all names are known here.
func (t table) column(name string) (column, bool) {
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

// wants says which types a class takes, for people.
func (c class) wants() string {
	switch c {
	case classID:
		return "text, uuid, an integer or numeric"
	case classText:
		return "text or an enum"
	case classPhone:
		return "text, or an integer or numeric of digits"
	case classBool:
		return "boolean, or an integer that is 0 for false"
	case classInt:
		return "smallint, integer or bigint"
	case classNumber:
		return "an integer, double precision or numeric"
	default:
		return "timestamptz"
	}
}

// pgType is what Postgres says of a type.
type pgType struct {
	name string // as one would write it in a cast
	base string // pg_type.typname
	enum bool
}

// accepts says whether a column of that type holds values of the class.
// A timestamp without zone is of the class; Check asks for the zone.
func (c class) accepts(t pgType) bool {
	switch c {
	case classID:
		return t.isText() || t.isInt() || t.base == "uuid" || t.base == "numeric"
	case classText:
		return t.isText() || t.enum
	case classPhone:
		return t.isText() || t.isInt() || t.base == "numeric"
	case classBool:
		return t.base == "bool" || t.isInt()
	case classInt:
		return t.isInt()
	case classNumber:
		return t.isInt() || t.base == "float4" || t.base == "float8" || t.base == "numeric"
	default:
		return t.base == "timestamptz" || t.base == "timestamp"
	}
}

func (t pgType) isText() bool {
	switch t.base {
	case "text", "varchar", "bpchar", "name", "citext":
		return true
	}
	return false
}

func (t pgType) isInt() bool {
	return t.base == "int2" || t.base == "int4" || t.base == "int8"
}

// advice is an expression that makes a value of the column's class out of expr,
// which has another type; "" when there is no usual one.
func (c column) advice(expr string, t pgType) string {
	integer := t.isInt() || t.base == "numeric"
	stringy := c.class == classID || c.class == classText || c.class == classPhone
	switch {
	case c.name == "direction" && t.base == "bool":
		return "case when " + expr + " then 'in' else 'out' end"
	case c.name == "direction" && integer:
		return "case " + expr + " when 0 then 'in' else 'out' end"
	case c.name == "kind" && integer:
		return "case " + expr + " when 0 then 'text' else 'file' end"
	case stringy && (t.base == "json" || t.base == "jsonb"):
		return expr + " #>> '{}'"
	case stringy:
		return expr + "::text"
	case c.class == classBool && integer: // numeric
		return expr + " <> 0"
	case c.class == classBool && t.isText():
		return expr + "::boolean"
	case c.class == classInt && (t.isText() || t.base == "numeric"):
		return expr + "::bigint"
	case c.class == classNumber && t.base == "interval":
		return "extract(epoch from " + expr + ")"
	case c.class == classNumber && t.isText():
		return expr + "::double precision"
	case c.class == classTime && (integer || t.base == "float4" || t.base == "float8"):
		return "to_timestamp(" + expr + ")"
	case c.class == classTime && t.base == "date":
		return expr + "::timestamp at time zone 'UTC'"
	case c.class == classTime && t.isText():
		return expr + "::timestamptz"
	}
	return ""
}
