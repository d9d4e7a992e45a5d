/// Where a message ends: RFC 9112 §6 and §7, and the ways known to smuggle a request past a reader
/// that sees another end.
let framingCases: [RequestCase] = [
  .post("a length", "Content-Length: 5\r\n", "hello", "POST / @h length=5", "body:hello", "end"),
  .post("a length of zero", "Content-Length: 0\r\n", "", "POST / @h", "end"),
  .post(
    "a length with leading zeros", "Content-Length: 0005\r\n", "hello", "POST / @h length=5",
    "body:hello", "end"),
  .post("no length", "", "", "POST / @h", "end"),
  .post("content still to come", "Content-Length: 5\r\n", "he", "POST / @h length=5", "body:he"),
  .post("a GET's content", "Content-Length: 1\r\n", "x", "POST / @h length=1", "body:x", "end"),
  // Content-Length
  .post(
    "two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello",
    "400 Content-Length: given more than once"),
  .post(
    "two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!",
    "400 Content-Length: given more than once"),
  .post(
    "a list of equal lengths", "Content-Length: 5, 5\r\n", "hello",
    "400 Content-Length: not a number"),
  .post(
    "a list of lengths", "Content-Length: 5, 6\r\n", "hello", "400 Content-Length: not a number"),
  .post("a signed length", "Content-Length: +5\r\n", "hello", "400 Content-Length: not a number"),
  .post("a negative length", "Content-Length: -1\r\n", "", "400 Content-Length: not a number"),
  .post(
    "a hexadecimal length", "Content-Length: 0x5\r\n", "hello", "400 Content-Length: not a number"),
  .post(
    "a length with a fraction", "Content-Length: 5.0\r\n", "hello",
    "400 Content-Length: not a number"),
  .post(
    "a length with an underscore", "Content-Length: 1_0\r\n", "", "400 Content-Length: not a number"
  ),
  .post(
    "a length with a space inside", "Content-Length: 1 0\r\n", "",
    "400 Content-Length: not a number"),
  .post("an empty length", "Content-Length:\r\n", "", "400 Content-Length: not a number"),
  .post("digits above ASCII", "Content-Length: \u{B2}\r\n", "", "400 Content-Length: not a number"),
  .post(
    "a length beyond 64 bits", "Content-Length: 18446744073709551621\r\n", "hello",
    "413 Content-Length: more than the 1048576 bytes accepted"),
  .post(
    "a length beyond the limit", "Content-Length: 1048577\r\n", "",
    "413 Content-Length: more than the 1048576 bytes accepted"),
  .post(
    "a space before the length's colon", "Content-Length : 5\r\n", "hello",
    "400 byte 14 of a field name is not allowed there"),
  .post(
    "a length with a parameter", "Content-Length: 5;a=b\r\n", "hello",
    "400 Content-Length: not a number"),
  .post(
    "a length after a vertical tab", "Content-Length: \u{0B}5\r\n", "hello",
    "400 Content-Length: control character at byte 0 of the value"),
  .post(
    "a length after a no-break space", "Content-Length: \u{A0}5\r\n", "hello",
    "400 Content-Length: not a number"),
  .post(
    "a tab after the length", "Content-Length: 5\t\r\n", "hello", "POST / @h length=5",
    "body:hello", "end"),
  // CL.TE and TE.CL
  .post(
    "length and coding", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG",
    "400 Content-Length: given together with Transfer-Encoding"),
  .post(
    "coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n",
    "400 Content-Length: given together with Transfer-Encoding"),
  .post(
    "coding and a length of zero", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    "0\r\n\r\n", "400 Content-Length: given together with Transfer-Encoding"),
  // TE.TE
  .post(
    "a coding in capitals", "TRANSFER-ENCODING: CHUNKED\r\n", "0\r\n\r\n", "POST / @h chunked",
    "end"),
  .post(
    "two codings on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "",
    "400 Transfer-Encoding: given more than once"),
  .post(
    "chunked on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "",
    "400 Transfer-Encoding: given more than once"),
  .post(
    "chunked twice", "Transfer-Encoding: chunked, chunked\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "chunked and then another", "Transfer-Encoding: chunked, identity\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "another coding alone", "Transfer-Encoding: gzip\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "another coding and then chunked", "Transfer-Encoding: gzip, chunked\r\n", "",
    "501 Transfer-Encoding: only chunked is implemented"),
  .post(
    "identity", "Transfer-Encoding: identity\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "almost chunked", "Transfer-Encoding: xchunked\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "chunked after a comma", "Transfer-Encoding: ,chunked\r\n", "",
    "501 Transfer-Encoding: only chunked is implemented"),
  .post(
    "an empty coding", "Transfer-Encoding:\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "chunked after a vertical tab", "Transfer-Encoding: \u{0B}chunked\r\n", "",
    "400 Transfer-Encoding: control character at byte 0 of the value"),
  .post(
    "chunked after a form feed", "Transfer-Encoding: \u{0C}chunked\r\n", "",
    "400 Transfer-Encoding: control character at byte 0 of the value"),
  .post(
    "chunked before a NUL", "Transfer-Encoding: chunked\0\r\n", "",
    "400 Transfer-Encoding: control character at byte 7 of the value"),
  .post(
    "chunked after a no-break space", "Transfer-Encoding: \u{A0}chunked\r\n", "",
    "400 Transfer-Encoding: only chunked is understood"),
  .post(
    "chunked between tab and space", "Transfer-Encoding: \tchunked \r\n", "0\r\n\r\n",
    "POST / @h chunked", "end"),
  .post(
    "chunked beside another name for it", "Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n",
    "", "400 Transfer-Encoding: given more than once"),
  .post(
    "chunked on a folded line", "Transfer-Encoding:\r\n chunked\r\n", "",
    "400 a field line begins with white space (obs-fold)"),
  .post(
    "a space before the coding's colon", "Transfer-Encoding : chunked\r\n", "",
    "400 byte 17 of a field name is not allowed there"),
  .post(
    "a space before the coding's name", " Transfer-Encoding: chunked\r\n", "",
    "400 a field line begins with white space (obs-fold)"),
  .post(
    "a coding hidden behind a bare LF", "X: a\nTransfer-Encoding: chunked\r\n", "",
    "400 a line ends in LF without CR"),
  .post(
    "a coding hidden behind a bare CR", "X: a\rTransfer-Encoding: chunked\r\n", "",
    "400 X: control character at byte 1 of the value"),
  .post(
    "an underscore makes another field", "Transfer_Encoding: chunked\r\n", "", "POST / @h", "end"),
  RequestCase(
    "a coding in HTTP/1.0",
    "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "400 Transfer-Encoding: unknown to HTTP/1.0"),
  // Pipelining
  RequestCase(
    "three requests in one piece",
    "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
      + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      + "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /1 @h", "end", "POST /2 @h length=3", "body:abc", "end", "GET /3 @h", "end"),
  RequestCase(
    "an empty line between requests",
    "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /1 @h", "end", "GET /2 @h", "end"),
  RequestCase(
    "a refusal after a sound request",
    "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /1 @h", "end", "400 the request line has no HTTP version"),
  RequestCase(
    "content longer than it says is the next request",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nabc / HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST / @h length=1", "body:a", "end", "bc / @h", "end"),
]
