private let size413 = "413 the content is longer than 1048576 bytes"
private let misplaced = "400 a chunk does not end where its size says"

/// RFC 9112 §7.1.
let chunkedCases: [RequestCase] = [
  .chunks("one chunk", "5\r\nhello\r\n0\r\n\r\n", "body:hello", "end"),
  .chunks("two chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "body:hello", "end"),
  .chunks(
    "hexadecimal in both cases", "a\r\n0123456789\r\nB\r\nabcdefghijk\r\n0\r\n\r\n",
    "body:0123456789abcdefghijk", "end"),
  .chunks("leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "body:hello", "end"),
  .chunks("nothing", "0\r\n\r\n", "end"),
  .chunks(
    "content that looks like an end", "7\r\n0\r\n\r\nGE\r\n0\r\n\r\n", "body:0\r\n\r\nGE", "end"),
  .chunks(
    "the next request", "0\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n", "end", "GET /2 @h", "end"),
  // Sizes
  .chunks("no size", "\r\nhello\r\n", "400 a chunk has no size"),
  .chunks(
    "a size in words", "five\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks("a negative size", "-1\r\n", "400 a chunk has no size"),
  .chunks("a signed size", "+5\r\nhello\r\n", "400 a chunk has no size"),
  .chunks(
    "a size with a prefix", "0x5\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks(
    "a size with an underscore", "1_0\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks("a space before the size", " 5\r\nhello\r\n", "400 a chunk has no size"),
  .chunks(
    "a space after the size", "5 \r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks("a size of 64 bits", "ffffffffffffffff\r\n", "413 a chunk size is out of range"),
  .chunks("a size of 63 bits", "7fffffffffffffff\r\n", size413),
  .chunks(
    "a size of 65 bits", "10000000000000005\r\nhello\r\n", "400 a chunk size has too many digits"),
  .chunks(
    "seventeen zeros", "00000000000000005\r\nhello\r\n", "400 a chunk size has too many digits"),
  .chunks("a size beyond the limit", "100001\r\n", size413),
  .chunks("sizes that add up beyond the limit", "1\r\na\r\n100000\r\n", "body:a", size413),
  .chunks(
    "a NUL in the size", "5\0\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  // Line ends
  .chunks("a bare LF after the size", "5\nhello\r\n0\r\n\r\n", "400 a line ends in LF without CR"),
  .chunks(
    "a bare CR after the size", "5\rhello\r\n0\r\n\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks("a bare LF after the content", "5\r\nhello\n0\r\n\r\n", "body:hello", misplaced),
  .chunks("a bare CR after the content", "5\r\nhello\r0\r\n\r\n", "body:hello", misplaced),
  .chunks("content too long", "4\r\nhello\r\n0\r\n\r\n", "body:hell", misplaced),
  .chunks("content too short", "6\r\nhello\r\n0\r\n\r\n", "body:hello\r", misplaced),
  .chunks("a bare LF after the last chunk", "0\n\r\n", "400 a line ends in LF without CR"),
  .chunks("a bare LF for the end", "0\r\n\n", "400 a line ends in LF without CR"),
  // Extensions
  .chunks("an extension", "5;a\r\nhello\r\n0\r\n\r\n", "body:hello", "end"),
  .chunks(
    "extensions with values", "5;a=b;c=\"d\\\"e;f\" ; g\r\nhello\r\n0;x=y\r\n\r\n", "body:hello",
    "end"),
  .chunks(
    "bad white space in an extension", "5 ;\ta = b\r\nhello\r\n0\r\n\r\n", "body:hello", "end"),
  .chunks(
    "an extension without a name", "5;\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks(
    "an extension without a value", "5;a=\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks(
    "an open quote", "5;a=\"b\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks("a bare LF in an extension", "5;a\nxx\r\nhello\r\n", "400 a line ends in LF without CR"),
  .chunks(
    "a bare CR in an extension", "5;a\rxx\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  .chunks(
    "a bare CR in a quoted value", "5;a=\"\rb\"\r\nhello\r\n",
    "400 byte 1 of a chunk line begins no valid chunk extension"),
  // Trailers
  .chunks("a trailer", "0\r\nX-Sum: 1\r\n\r\n", "end"),
  .chunks(
    "a trailer and the next request", "0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "end",
    "GET / @h", "end"),
  .chunks(
    "a length as trailer", "0\r\nContent-Length: 5\r\n\r\n",
    "400 Content-Length: not allowed as a trailer field"),
  .chunks(
    "a coding as trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "400 Transfer-Encoding: not allowed as a trailer field"),
  .chunks(
    "a Host as trailer", "0\r\nhost: evil\r\n\r\n", "400 host: not allowed as a trailer field"),
  .chunks(
    "a token as trailer", "0\r\nAuthorization: Bearer x\r\n\r\n",
    "400 Authorization: not allowed as a trailer field"),
  .chunks(
    "a folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n",
    "400 a field line begins with white space (obs-fold)"),
  .chunks(
    "a trailer without a colon", "0\r\nGET / HTTP/1.1\r\n\r\n", "400 a field line has no colon"),
  .chunks(
    "a trailer with a space before the colon", "0\r\nX : 1\r\n\r\n",
    "400 byte 1 of a field name is not allowed there"),
]
