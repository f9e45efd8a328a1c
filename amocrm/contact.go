package amocrm

import "github.com/amoimport/amoimport/internal/httpapi"

import "slices"

// Contact is a person in amoCRM.
type Contact struct {
	ID                int64
	Name              string
	ResponsibleUserID int64
	CreatedAt         int64 // Unix seconds
	UpdatedAt         int64 // Unix seconds
	IsDeleted         bool
	Fields            []FieldValues
}

// Phones gives the values of the phone field, as they were typed.
func (c Contact) Phones() []string {
	return c.values(func(f FieldValues) bool { return f.Code == codePhone })
}

// Emails gives the values of the e-mail field, as they were typed.
func (c Contact) Emails() []string {
	return c.values(func(f FieldValues) bool { return f.Code == codeEmail })
}

// Texts gives the values of the custom field with that id.
func (c Contact) Texts(fieldID int64) []string {
	return c.values(func(f FieldValues) bool { return f.FieldID == fieldID })
}

func (c Contact) values(match func(FieldValues) bool) []string {
	var out []string
	for _, f := range c.Fields {
		if !match(f) {
			continue
		}
		for _, v := range f.Values {
			if v.Value != "" && !slices.Contains(out, v.Value) {
				out = append(out, v.Value)
			}
		}
	}
	return out
}

// FieldValues are the values of one field of a contact. The field is named by its id, its code, or both.
type FieldValues struct {
	FieldID int64        `json:"field_id,omitempty"`
	Code    string       `json:"field_code,omitempty"`
	Values  []FieldValue `json:"values"`
}

// FieldValue is one value of a field.
type FieldValue struct {
	Value    string `json:"value"`
	EnumCode string `json:"enum_code,omitempty"` // kind of a phone or e-mail, such as WORK
}

// Codes of the fields that every account has
// (https://www.amocrm.ru/developers/content/crm_platform/custom-fields).
const (
	codePhone = "PHONE"
	codeEmail = "EMAIL"
	enumWork  = "WORK"
)

// Phone is a work phone for a new contact.
func Phone(number string) FieldValues {
	return FieldValues{Code: codePhone, Values: []FieldValue{{Value: number, EnumCode: enumWork}}}
}

// Email is a work e-mail for a new contact.
func Email(address string) FieldValues {
	return FieldValues{Code: codeEmail, Values: []FieldValue{{Value: address, EnumCode: enumWork}}}
}

// Text is a value for a custom text field of a new contact.
func Text(fieldID int64, value string) FieldValues {
	return FieldValues{FieldID: fieldID, Values: []FieldValue{{Value: value}}}
}

// contact is the JSON of a Contact.
type contact struct {
	ID                httpapi.Number `json:"id"`
	Name              httpapi.Text   `json:"name"`
	ResponsibleUserID httpapi.Number `json:"responsible_user_id"`
	CreatedAt         httpapi.Number `json:"created_at"`
	UpdatedAt         httpapi.Number `json:"updated_at"`
	IsDeleted         httpapi.Flag   `json:"is_deleted"`
	Fields            httpapi.List[struct {
		FieldID httpapi.Number `json:"field_id"`
		Code    httpapi.Text   `json:"field_code"`
		Values  httpapi.List[struct {
			Value    httpapi.Text `json:"value"`
			EnumCode httpapi.Text `json:"enum_code"`
		}] `json:"values"`
	}] `json:"custom_fields_values"`
}

func (c contact) export() Contact {
	out := Contact{
		ID: int64(c.ID), Name: string(c.Name), ResponsibleUserID: int64(c.ResponsibleUserID),
		CreatedAt: int64(c.CreatedAt), UpdatedAt: int64(c.UpdatedAt), IsDeleted: bool(c.IsDeleted),
	}
	for _, f := range c.Fields {
		field := FieldValues{FieldID: int64(f.FieldID), Code: string(f.Code)}
		for _, v := range f.Values {
			field.Values = append(field.Values, FieldValue{Value: string(v.Value), EnumCode: string(v.EnumCode)})
		}
		out.Fields = append(out.Fields, field)
	}
	return out
}
