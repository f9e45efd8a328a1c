// Package identity says by what two clients, or a client and a contact, are
// known to be the same person.
package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Keys is what a person can be recognised by.
type Keys struct {
	Phone string // E.164, as in +79123456789; "" when there is none to rely on
	Email string // lower case; "" when there is none to rely on
}

// Normalize makes the keys of a client. Region is the ISO 3166 code of the
// country whose numbers are written without a country code, such as RU; with ""
// only numbers with + and a country code count.
//
// What cannot be one person's phone or e-mail gives no key rather than a doubtful
// one, since a wrong key joins two people: numbers that do not exist in their
// country, one digit repeated, and numbers with an extension, which belong to a
// switchboard. Of several numbers in one field the first usable one is taken.
func Normalize(region, phone, email string) Keys {
	return Keys{Phone: normalPhone(region, phone), Email: normalEmail(email)}
}

// Hash is a keyed digest of a key, for memories that must not hold phones and
// e-mails. Kind keeps equal values of different kinds apart.
func Hash(key []byte, kind, value string) [16]byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(kind))
	mac.Write([]byte{0}) // no kind holds it
	mac.Write([]byte(value))
	return [16]byte(mac.Sum(nil)[:16])
}

// Longer fields are not numbers, and not worth the parser's time.
const maxPhone = 200

func normalPhone(region, field string) string {
	if len(field) > maxPhone {
		return ""
	}
	if region == "" {
		region = "ZZ" // the library's name for no region
	}
	region = strings.ToUpper(region)
	field = strings.TrimSpace(field)
	// The whole field first: a comma may stand before an extension.
	if number, err := phonenumbers.Parse(field, region); err == nil {
		if number.GetExtension() != "" {
			return ""
		}
		if e164 := personal(number); e164 != "" {
			return e164
		}
	}
	for one := range strings.FieldsFuncSeq(field, between) {
		number, err := phonenumbers.Parse(onlyNumber(one), region)
		if err == nil && number.GetExtension() == "" {
			if e164 := personal(number); e164 != "" {
				return e164
			}
		}
	}
	return ""
}

// personal is the number in E.164, "" when it cannot be one person's.
func personal(number *phonenumbers.PhoneNumber) string {
	national := phonenumbers.GetNationalSignificantNumber(number)
	if !phonenumbers.IsValidNumber(number) || strings.Trim(national, national[:1]) == "" { // 9999999999
		return ""
	}
	return phonenumbers.Format(number, phonenumbers.E164)
}

// onlyNumber takes the words off a number, as in "8 912 345-67-89 Anna". With
// digits in two places nobody can say which of them are the number.
func onlyNumber(s string) string {
	number := ""
	for run := range strings.FieldsFuncSeq(s, unicode.IsLetter) {
		if strings.ContainsFunc(run, unicode.IsDigit) {
			if number != "" {
				return ""
			}
			number = run
		}
	}
	return strings.TrimRightFunc(number, func(r rune) bool { return !unicode.IsDigit(r) })
}

// between separates several numbers in one field.
func between(r rune) bool { return strings.ContainsRune(",;/|\n", r) }

// visible drops marks of writing direction and other characters without a shape.
func visible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

const maxEmail = 254 // RFC 5321

func normalEmail(s string) string {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(strings.Map(visible, s))), "mailto:")
	name, domain, ok := strings.Cut(s, "@")
	if !ok || name == "" || len(s) > maxEmail || strings.ContainsFunc(s, notInEmail) {
		return ""
	}
	if !strings.Contains(domain, ".") || strings.Contains("."+domain+".", "..") || strings.Contains(domain, "@") {
		return ""
	}
	return s
}

func notInEmail(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar || strings.ContainsRune(`<>,;:"()[]\`, r)
}
