package source

// What turns bytes of the legacy database, and the text of a query, into values.
var (
	SingleStatement = singleStatement
	ArrayLiteral    = arrayLiteral
	Moment          = moment
	DecodeMessage   = message
)

// MessageColumns is how many values DecodeMessage takes.
var MessageColumns = len(messagesTable.columns)
