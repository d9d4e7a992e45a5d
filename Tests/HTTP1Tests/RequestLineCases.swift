/// RFC 9112 §2.2, §2.3 and §3.
let requestLineCases: [RequestCase] = [
  RequestCase("a path", "GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a/b @h", "end"),
  RequestCase("a query", "GET /a?b=c&d HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b=c&d @h", "end"),
  RequestCase(
    "characters browsers leave as they are",
    "GET /a|b?p=[**/*.{css,js}]^` HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a|b?p=[**/*.{css,js}]^` @h", "end"),
  RequestCase("HTTP/1.2 is read as 1.1", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / @h", "end"),
  RequestCase(
    "any token is a method", "P-U_R.G!E / HTTP/1.1\r\nHost: h\r\n\r\n", "P-U_R.G!E / @h", "end"),
  RequestCase("methods have case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "get / @h", "end"),
  RequestCase("one empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / @h", "end"),
  RequestCase(
    "two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "400 the request line has no space"),
  RequestCase(
    "a bare LF before", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400 a line ends in LF without CR"),
  RequestCase("a space before", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "400 this is not HTTP"),
  RequestCase("a NUL before", "\0GET / HTTP/1.1\r\nHost: h\r\n\r\n", "400 this is not HTTP"),
  RequestCase(
    "a TLS client hello", "\u{16}\u{03}\u{01}\u{02}\0\u{01}", "400 this is TLS; http is spoken here"
  ),
  RequestCase(
    "a bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n",
    "400 a line ends in LF without CR"),
  RequestCase(
    "a bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
    "400 byte 5 of the request line must be percent-encoded"),
  RequestCase(
    "a bare CR for a line end", "GET / HTTP/1.1\rHost: h\r\n\r\n",
    "400 the HTTP version is malformed"),
  RequestCase(
    "two CRs", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", "400 the HTTP version is malformed"),
  RequestCase("HTTP/0.9", "GET /\r\n", "400 the request line has no HTTP version"),
  RequestCase("no target", "GET HTTP/1.1\r\n", "400 the request line has no HTTP version"),
  RequestCase("an empty target", "GET  HTTP/1.1\r\n", "400 the request target is empty"),
  RequestCase("no space at all", "GET\r\n", "400 the request line has no space"),
  RequestCase("two spaces", "GET  / HTTP/1.1\r\n", "400 the HTTP version is malformed"),
  RequestCase("a tab for a space", "GET\t/ HTTP/1.1\r\n", "400 the method is not a token"),
  RequestCase(
    "a space in the target", "GET /a b HTTP/1.1\r\n", "400 the HTTP version is malformed"),
  RequestCase(
    "a space after the version", "GET / HTTP/1.1 \r\n", "400 the HTTP version is malformed"),
  RequestCase("a colon in the method", "GE:T / HTTP/1.1\r\n", "400 the method is not a token"),
  RequestCase(
    "a method nobody has", String(repeating: "A", count: 33) + " / HTTP/1.1\r\n",
    "501 no method is that long"),
  RequestCase("a lower-case version", "GET / http/1.1\r\n", "400 the HTTP version is malformed"),
  RequestCase("a version without a dot", "GET / HTTP/11\r\n", "400 the HTTP version is malformed"),
  RequestCase("a version too long", "GET / HTTP/1.10\r\n", "400 the HTTP version is malformed"),
  RequestCase("another protocol", "GET / ICY/1.1\r\n", "400 the HTTP version is malformed"),
  RequestCase(
    "HTTP/2.0", "GET / HTTP/2.0\r\n",
    "505 only HTTP/1.1 and HTTP/1.0 are spoken on this connection"),
  RequestCase(
    "HTTP/0.9 by name", "GET / HTTP/0.9\r\n",
    "505 only HTTP/1.1 and HTTP/1.0 are spoken on this connection"),
  RequestCase(
    "HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "505 only HTTP/1.1 and HTTP/1.0 are spoken on this connection"),
  RequestCase(
    "a NUL in the target", "GET /\0 HTTP/1.1\r\n",
    "400 byte 5 of the request line must be percent-encoded"),
  RequestCase(
    "bytes above ASCII in the target", "GET /\u{C3}\u{A9} HTTP/1.1\r\n",
    "400 byte 5 of the request line must be percent-encoded"),
  RequestCase(
    "a fragment", "GET /a#b HTTP/1.1\r\n", "400 byte 6 of the request line must be percent-encoded"),
  RequestCase(
    "an angle bracket", "GET /<a> HTTP/1.1\r\n",
    "400 byte 5 of the request line must be percent-encoded"),
  RequestCase(
    "a relative target", "GET a/b HTTP/1.1\r\nHost: h\r\n\r\n",
    "400 the request target is neither a path nor a URL"),
  // Absolute form, §3.2.2: its authority counts and Host does not, even where they differ.
  RequestCase(
    "a URL", "GET http://example.com:81/a?b HTTP/1.1\r\nHost: example.com:81\r\n\r\n",
    "GET /a?b @example.com:81", "end"),
  RequestCase(
    "a URL wins over Host", "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n",
    "GET / @a.example", "end"),
  RequestCase(
    "a URL in capitals", "GET HTTP://EXAMPLE.com/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / @EXAMPLE.com", "end"),
  RequestCase(
    "a URL without a path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET / @h", "end"),
  RequestCase(
    "a URL with a query alone", "GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?q @h", "end"),
  RequestCase(
    "a URL needs Host too", "GET http://h/ HTTP/1.1\r\n\r\n", "400 Host: missing"),
  RequestCase(
    "a URL with a user", "GET http://u@h/ HTTP/1.1\r\n",
    "400 the host of the request target is malformed"),
  RequestCase(
    "a URL without a host", "GET http:///a HTTP/1.1\r\n",
    "400 the host of the request target is malformed"),
  RequestCase(
    "a URL of another scheme", "GET https://h/ HTTP/1.1\r\n",
    "421 only http URLs are served on this connection"),
  RequestCase(
    "a scheme without slashes", "GET http:a HTTP/1.1\r\n",
    "400 the request target is neither a path nor a URL"),
  RequestCase(
    "two slashes are a path", "GET //evil.example/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET //evil.example/a @h", "end"),
  // Asterisk and authority form, §3.2.3 and §3.2.4.
  RequestCase(
    "OPTIONS of the server", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * @h", "end"),
  RequestCase(
    "OPTIONS of the server by URL", "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n",
    "OPTIONS * @h", "end"),
  RequestCase("GET of the server", "GET * HTTP/1.1\r\n", "400 only OPTIONS has the target *"),
  RequestCase(
    "CONNECT", "CONNECT example.com:443 HTTP/1.1\r\n",
    "501 CONNECT is not implemented: this is no proxy"),
  RequestCase(
    "CONNECT without a port", "CONNECT example.com HTTP/1.1\r\n",
    "400 the target of CONNECT is not a host and a port"),
  RequestCase(
    "CONNECT to a path", "CONNECT / HTTP/1.1\r\n",
    "400 the target of CONNECT is not a host and a port"),
  RequestCase(
    "GET of an authority", "GET example.com:80 HTTP/1.1\r\n",
    "400 the request target is neither a path nor a URL"),
]
