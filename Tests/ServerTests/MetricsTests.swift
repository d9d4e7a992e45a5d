import Testing

@testable import Server

@Suite("The text Prometheus reads")
struct PrometheusTextTests {
  @Test("a family has its words, its type and its samples with labels in order")
  func family() {
    var text = PrometheusText()
    text.family("a_total", .counter, "How\nmany \\ of \"them\".") {
      $0.sample(["z": "1", "b": "2"], 3)
      $0.sample([:], 0.5)
    }
    #expect(
      text.text == """
        # HELP a_total How\\nmany \\\\ of "them".
        # TYPE a_total counter
        a_total{b="2",z="1"} 3
        a_total 0.5

        """)
  }

  @Test("a family without a sample is not there")
  func empty() {
    var text = PrometheusText()
    text.family("a", .gauge, "Nothing.") { _ in }
    #expect(text.text.isEmpty)
  }

  @Test(
    "no value can end its label or its line",
    arguments: [("plain", "plain"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb")])
  func escaping(value: String, written: String) {
    var text = PrometheusText()
    text.family("a", .gauge, "A.") { $0.sample(["l": value], 1) }
    #expect(text.text.hasSuffix("\na{l=\"\(written)\"} 1\n"))
  }

  @Test(
    "numbers are written as Prometheus reads them",
    arguments: [
      (0.0, "0"), (3, "3"), (-2, "-2"), (0.25, "0.25"), (1e14, "100000000000000"),
      (.infinity, "+Inf"),
      (-.infinity, "-Inf"), (.nan, "NaN"),
    ])
  func numbers(value: Double, written: String) { #expect(PrometheusText.number(value) == written) }

  @Test("buckets hold everything up to their bound, and the last holds all")
  func histogram() {
    var text = PrometheusText()
    text.histogram("h", "H.", bounds: [0.5, 1], counts: [1, 2, 4], sum: 9.5)
    #expect(
      text.text == """
        # HELP h H.
        # TYPE h histogram
        h_bucket{le="0.5"} 1
        h_bucket{le="1"} 3
        h_bucket{le="+Inf"} 7
        h_sum 9.5
        h_count 7

        """)
  }
}

@Suite("How long changes take")
struct LagHistogramTests {
  @Test(
    "a lag falls into the first bucket whose bound it does not exceed",
    arguments: [
      (-5, 0), (0, 0), (500_000, 0), (500_001, 1), (1_000_000, 1), (59_999_999_999, 14),
      (60_000_000_001, 15),
    ])
  func buckets(nanoseconds: Int, bucket: Int) {
    var lag = LagHistogram()
    lag.observe(nanoseconds: Int64(nanoseconds))
    #expect(lag.counts.firstIndex(of: 1) == bucket)
    #expect(lag.sum == Double(max(0, nanoseconds)) / 1e9)
  }

  @Test("loops are added up")
  func adding() {
    var (one, other) = (Traffic(), Traffic())
    one.sent(10, by: .sse)
    other.sent(5, by: .websocket)
    other.lag.observe(nanoseconds: 1)
    one.add(other)
    #expect(one.bytesSent[Transport.sse.rawValue] == 10)
    #expect(one.bytesSent[Transport.websocket.rawValue] == 5)
    #expect(one.sends == 2)
    #expect(one.lag.counts.reduce(0, +) == 1)
  }

  @Test("and so are the ends of their connections, by what they were used for and why")
  func addingDisconnects() {
    var (one, other) = (Disconnects(), Disconnects())
    one.count(.sse, .peer)
    other.count(.sse, .peer)
    other.count(.http, .timeout)
    one.add(other)
    #expect(one[.sse, .peer] == 2)
    #expect(one[.http, .timeout] == 1)
    #expect(one[.http, .peer] == 0)
  }
}

@Suite("The id of a client")
struct ClientIDTests {
  @Test("an id reads back as itself")
  func roundTrip() {
    let id = ClientID(loop: 3, connection: 55_834_574_851)
    #expect(id.text == "3-55834574851")
    #expect(ClientID(id.text) == id)
  }

  @Test(
    "what is not exactly an id is none",
    arguments: ["", "3", "3-", "-3-4", "03-4", "3-04", "3-4-5", "3-x"])
  func malformed(text: String) { #expect(ClientID(text) == nil) }
}
