package identity_test

import (
	"strings"
	"testing"

	"github.com/amoimport/amoimport/importer/identity"
)

func TestOnePhoneInManyWays(t *testing.T) {
	for _, phone := range []string{
		"8 (912) 345-67-89",
		"+7 912 345-67-89",
		"79123456789",
		"9123456789",
		"8-912-345-67-89",
		"8\u00a0912\u00a0345\u00a067\u00a089",
		"8.912.345.67.89",
		"тел. 89123456789",
		"моб: +7(912)3456789",
		"+7\u2011912\u2011345\u201167\u201189", // hyphens that do not break
		"\u202a+79123456789\u202c",             // as phone books copy it
		"＋７９１２３４５６７８９",
		"tel:+79123456789",
		"89123456789 Анна",
		"Anna (work) 8 912 345 67 89",
		"89123456789, 89127654321",
		"  +79123456789\n",
		"8912\u200b3456789",
	} {
		if got := identity.Normalize("RU", phone, "").Phone; got != "+79123456789" {
			t.Errorf("Normalize(%q) = %q", phone, got)
		}
	}
}

func TestPhones(t *testing.T) {
	tests := []struct{ region, phone, want string }{
		{"RU", "+49 151 23456789", "+4915123456789"},
		{"DE", "0151 23456789", "+4915123456789"},
		{"de", "0151 23456789", "+4915123456789"},
		{"RU", "+7 (495) 123-45-67", "+74951234567"},
		{"", "+79123456789", "+79123456789"},
		{"", "89123456789", ""},   // whose 8?
		{"XX", "89123456789", ""}, // no such country
		{"RU", "", ""},
		{"RU", "0", ""},
		{"RU", "-", ""},
		{"RU", "123", ""},
		{"RU", "112", ""},
		{"RU", "нет телефона", ""},
		{"RU", "+70000000000", ""},
		{"RU", "+79999999999", ""},
		{"RU", "9999999999", ""},
		{"RU", "1234567890", ""},
		{"RU", "8912345678912345", ""},
		{"RU", "ООО 5 89123456789", ""}, // which digits?
		{"RU", "кв 5 тел 89123456789", ""},
		{"RU", "8 495 123-45-67 доб. 12", ""},       // a switchboard's
		{"RU", "8 495 123-45-67 ext 12", ""},        //
		{"RU", "8 495 123-45-67 вн. 12", ""},        //
		{"RU", "84951234567,12", ""},                //
		{"RU", "0; 89123456789", "+79123456789"},    // the first usable one
		{"RU", "n/a / 89123456789", "+79123456789"}, //
		{"RU", "8912\x003456789", ""},
		{"RU", "\xff\xfe", ""},
		{"RU", strings.Repeat("8", 1<<20), ""},
	}
	for _, tt := range tests {
		if got := identity.Normalize(tt.region, tt.phone, "").Phone; got != tt.want {
			t.Errorf("Normalize(%q, %.40q) = %q, want %q", tt.region, tt.phone, got, tt.want)
		}
	}
}

func TestEmails(t *testing.T) {
	tests := []struct{ email, want string }{
		{"anna@example.com", "anna@example.com"},
		{"  Anna@Example.COM\n", "anna@example.com"},
		{"mailto:anna@example.com", "anna@example.com"},
		{"\u200banna@example.com", "anna@example.com"},
		{"анна@пример.рф", "анна@пример.рф"},
		{"anna+shop@example.co.uk", "anna+shop@example.co.uk"},
		{"", ""},
		{"-", ""},
		{"anna", ""},
		{"anna@", ""},
		{"@example.com", ""},
		{"anna@localhost", ""},
		{"anna@example..com", ""},
		{"anna@.example.com", ""},
		{"anna@example.com.", ""},
		{"anna@example.com@example.org", ""},
		{"anna@example.com, boris@example.com", ""},
		{"anna petrova@example.com", ""},
		{"Anna <anna@example.com>", ""},
		{"anna\x00@example.com", ""},
		{"anna\xff@example.com", ""},
		{strings.Repeat("a", 250) + "@example.com", ""},
	}
	for _, tt := range tests {
		if got := identity.Normalize("RU", "", tt.email).Email; got != tt.want {
			t.Errorf("Normalize(%.40q) = %q, want %q", tt.email, got, tt.want)
		}
	}
}

// Ledgers hold these digests: the value must never change.
func TestHashIsStable(t *testing.T) {
	got := identity.Hash([]byte("key"), "phone", "+79123456789")
	want := [16]byte{0x0e, 0x75, 0x7a, 0xfd, 0x1b, 0x8b, 0xec, 0x3b, 0xe1, 0xa9, 0x76, 0x59, 0xad, 0xc3, 0xc9, 0x27}
	if got != want {
		t.Errorf("Hash = %#v", got)
	}
}

func TestHashTellsApart(t *testing.T) {
	seen := map[[16]byte]string{}
	for _, c := range []struct{ key, kind, value string }{
		{"key", "phone", "+79123456789"},
		{"kex", "phone", "+79123456789"},
		{"key", "email", "+79123456789"},
		{"key", "phone", "+79123456780"},
		{"key", "phone+", "79123456789"},
		{"key", "", ""},
	} {
		h := identity.Hash([]byte(c.key), c.kind, c.value)
		if other, ok := seen[h]; ok {
			t.Errorf("%v and %s have one hash", c, other)
		}
		seen[h] = c.kind + " " + c.value
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("RU", "8 (912) 345-67-89 доб. 1", "anna@example.com")
	f.Add("", "+1 (650) 253-0000 x1", "a@b.c")
	f.Fuzz(func(t *testing.T, region, phone, email string) {
		k := identity.Normalize(region, phone, email)
		again := identity.Normalize(region, k.Phone, k.Email)
		if again != k {
			t.Errorf("keys %v become %v when normalized again", k, again)
		}
		if k.Phone != "" && (k.Phone[0] != '+' || strings.Trim(k.Phone[1:], "0123456789") != "" || len(k.Phone) > 16) {
			t.Errorf("phone %q is not E.164", k.Phone)
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	for b.Loop() {
		identity.Normalize("RU", "8 (912) 345-67-89", "Anna@example.com")
	}
}
