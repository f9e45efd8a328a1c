package amojo

// Signature is the HMAC step alone, for published vectors whose bodies are not known.
var Signature = signature
