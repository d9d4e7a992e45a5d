/// RFC 9112 §3.2, §5 and RFC 9110 §7.6.1, §7.8, §10.1.1.
let fieldCases: [RequestCase] = [
  .fields("a tab around a value", "A:\tb\t\r\n", "GET / @h"),
  .fields("no space after the colon", "A:b\r\n", "GET / @h"),
  .fields("an empty value", "A:\r\n", "GET / @h"),
  .fields("a value above ASCII", "A: \u{E9}\u{FF}\r\n", "GET / @h"),
  .fields(
    "a space before the colon", "A : b\r\n", "400 byte 1 of a field name is not allowed there"),
  .fields(
    "a tab before the colon", "A\t: b\r\n", "400 byte 1 of a field name is not allowed there"),
  .fields("a folded line", "A: b\r\n c\r\n", "400 a field line begins with white space (obs-fold)"),
  .fields(
    "a line folded by a tab", "A: b\r\n\tc: d\r\n",
    "400 a field line begins with white space (obs-fold)"),
  .fields("no colon", "abc\r\n", "400 a field line has no colon"),
  .fields("no name", ": b\r\n", "400 a field has no name"),
  .fields("a NUL in a name", "A\0: b\r\n", "400 byte 1 of a field name is not allowed there"),
  .fields(
    "a byte above ASCII in a name", "\u{E9}: b\r\n",
    "400 byte 0 of a field name is not allowed there"),
  .fields(
    "a parenthesis in a name", "A(: b\r\n", "400 byte 1 of a field name is not allowed there"),
  .fields("a NUL in a value", "A: b\0c\r\n", "400 A: control character at byte 1 of the value"),
  .fields("a bare CR in a value", "A: b\rc\r\n", "400 A: control character at byte 1 of the value"),
  .fields(
    "a CR at the end of a value", "A: b\r\r\n", "400 A: control character at byte 1 of the value"),
  .fields(
    "a vertical tab in a value", "A: \u{0B}b\r\n", "400 A: control character at byte 0 of the value"
  ),
  .fields("a DEL in a value", "A: \u{7F}\r\n", "400 A: control character at byte 0 of the value"),
  .fields("a bare LF after a value", "A: b\nC: d\r\n", "400 a line ends in LF without CR"),
  .fields("a bare LF for the last line", "\n", "400 a line ends in LF without CR"),
  RequestCase(
    "a space before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
    "400 a field line begins with white space (obs-fold)"),
  // Host
  RequestCase("no Host", "GET / HTTP/1.1\r\n\r\n", "400 Host: missing"),
  RequestCase("no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / no host 1.0", "end"),
  RequestCase(
    "two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "400 Host: given more than once"),
  RequestCase(
    "two Hosts in two cases", "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
    "400 Host: given more than once"),
  RequestCase(
    "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n",
    "400 Host: given more than once"),
  RequestCase(
    "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 Host: not a host and a port"),
  RequestCase(
    "a Host with a port", "GET / HTTP/1.1\r\nHost: [::1]:8434\r\n\r\n", "GET / @[::1]:8434", "end"),
  RequestCase(
    "a Host with a path", "GET / HTTP/1.1\r\nHost: h/a\r\n\r\n", "400 Host: not a host and a port"),
  RequestCase(
    "a Host with a user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "400 Host: not a host and a port"),
  RequestCase(
    "a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Host: not a host and a port"),
  RequestCase(
    "a Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 Host: not a host and a port"),
  RequestCase(
    "a Host with a bad port", "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n",
    "400 Host: not a host and a port"),
  // Connection and Upgrade
  .fields("close", "Connection: close\r\n", "GET / @h close"),
  .fields("close in a list and capitals", "Connection: foo, CLOSE\r\n", "GET / @h close"),
  .fields(
    "close on a second line", "Connection: keep-alive\r\nConnection: close\r\n", "GET / @h close"),
  .fields("keep-alive", "Connection: keep-alive\r\n", "GET / @h"),
  RequestCase(
    "keep-alive in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "GET / no host 1.0 keep", "end"),
  .fields(
    "an upgrade", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket, h2c\r\n",
    "GET / @h upgrade=websocket+h2c"),
  .fields("an upgrade Connection does not name", "Upgrade: websocket\r\n", "GET / @h"),
  RequestCase(
    "an upgrade in HTTP/1.0",
    "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "GET / no host 1.0", "end"),
  // Expect
  .post(
    "100-continue", "Expect: 100-Continue\r\nContent-Length: 2\r\n", "hi",
    "POST / @h 100-continue length=2", "body:hi", "end"),
  .fields("100-continue without content", "Expect: 100-continue\r\n", "GET / @h"),
  .fields(
    "another expectation", "Expect: 200-ok\r\n", "417 Expect: only 100-continue is understood"),
  .fields(
    "a list of expectations", "Expect: 100-continue, x\r\n",
    "417 Expect: only 100-continue is understood"),
  RequestCase(
    "an expectation in HTTP/1.0",
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    "POST / no host 1.0 length=2", "body:hi", "end"),
]
