package config

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decoder fills a struct from YAML. Unlike the library's own decoder it goes on
// after a fault, to report them all. A key without a value keeps its default.
type decoder struct{ *faults }

// document reports whether the text could be read as YAML at all.
func (d decoder) document(text []byte, into any) bool {
	file, err := parser.ParseBytes(text, 0)
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		// The library's own text shows lines around the place; a line may hold
		// what must not be shown.
		d.fault(lineOf(syntax.Token.Position), "", "This is not YAML as it should be; mind the indentation and the quotes.", syntax.Message)
		return false
	case err != nil:
		d.fault(0, "", "", "cannot be read as YAML")
		return false
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			d.fault(lineOf(doc.Body.GetToken().Position), "", "Remove the line `---` and what follows.", "a second document begins here")
			return false
		}
		root = doc.Body
	}
	if root != nil {
		d.value("", root, reflect.ValueOf(into).Elem())
	}
	return true
}

func (d decoder) fault(line int, key, hint, problem string) {
	d.list = append(d.list, Fault{Line: line, Key: key, Problem: problem, Hint: hint})
}

// value sets v from a node. path is the key so far.
func (d decoder) value(path string, node ast.Node, v reflect.Value) {
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.add(path, "Write the value out.", "anchors, aliases and tags are not taken here")
		return
	case *ast.MappingNode:
		d.mapping(path, n.Values, v)
		return
	case *ast.MappingValueNode:
		d.mapping(path, []*ast.MappingValueNode{n}, v)
		return
	case *ast.SequenceNode:
		d.sequence(path, n.Values, v)
		return
	}
	text, ok := scalar(node)
	switch {
	case !ok:
		d.add(path, "", "this kind of value is not taken here")
	case text == "":
		return
	default:
		err := setText(v, text)
		switch {
		case errors.Is(err, errSection): // what stands there may be anything, a secret too
			d.add(path, "`amoimport init` writes a file that explains all keys.", "a single value stands where keys should be")
		case err != nil:
			d.add(path, "", "%s is wrong: %v", quote(text), err)
		}
	}
}

func (d decoder) mapping(path string, entries []*ast.MappingValueNode, v reflect.Value) {
	isMap := v.Kind() == reflect.Map
	if !isMap && len(keys(v.Type())) == 0 {
		d.add(path, "Put a single value here.", "keys stand where a value should be")
		return
	}
	for _, entry := range entries {
		name := entry.Key.GetToken()
		key := name.Value
		at := strings.TrimPrefix(path+"."+key, ".")
		d.lines[at] = lineOf(name.Position)
		if isMap {
			item := reflect.New(v.Type().Elem()).Elem()
			d.value(at, entry.Value, item)
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			v.SetMapIndex(reflect.ValueOf(key), item)
			continue
		}
		i, known := keys(v.Type())[key]
		if !known {
			d.add(at, unknownHint(at, path, key, v.Type()), "unknown key")
			continue
		}
		d.value(at, entry.Value, v.Field(i))
	}
}

func (d decoder) sequence(path string, nodes []ast.Node, v reflect.Value) {
	if v.Kind() != reflect.Slice {
		d.add(path, "Put a single value here.", "a list stands where a value should be")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(nodes), len(nodes))
	for i, node := range nodes {
		d.value(path, node, list.Index(i))
	}
	v.Set(list)
}

// keys are the keys of a section, with the field of each. A type that reads
// itself from text is a value and has none.
func keys(t reflect.Type) map[string]int {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	out := map[string]int{}
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			out[key] = i
		}
	}
	return out
}

// scalar is the text of a single value, whatever YAML takes it for.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	}
	return "", false
}

func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New(`write a time with its unit, like "120s" or "5m"`)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch strings.ToLower(text) {
		case "yes", "true", "on":
			v.SetBool(true)
		case "no", "false", "off":
			v.SetBool(false)
		default:
			return errors.New("write yes or no")
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errors.New("write a whole number")
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("write a number")
		}
		v.SetFloat(f)
	case reflect.Slice:
		return errors.New("write a list, like [one, two]")
	default:
		return errSection
	}
	return nil
}

// errSection says that a section got a single value.
var errSection = errors.New("write keys below this one")

func lineOf(p *token.Position) int {
	if p == nil {
		return 0
	}
	return p.Line
}
