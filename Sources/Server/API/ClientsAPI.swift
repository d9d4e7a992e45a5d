internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import FileWatching
internal import HTTPTypes
internal import Logging
internal import Syscalls

/// A client's id: its loop, and its connection or its stream of HTTP/2 there. One that is used again
/// names another.
struct ClientID: Sendable, Equatable {
  let loop: Int
  let connection: UInt64

  init(loop: Int, connection: UInt64) {
    self.loop = loop
    self.connection = connection
  }

  /// Reads `text`; nil for what is none.
  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let loop = Int(parts[0]), let connection = UInt64(parts[1]) else {
      return nil
    }
    self.init(loop: loop, connection: connection)
    guard self.text == text else { return nil }
  }

  var text: String { "\(loop)-\(connection)" }
}

/// `/-/v1/clients` and `/-/v1/stats`: who follows, how far behind, and what it costs; gathered over
/// all loops.
extension Router {
  func clients(_ ticket: ReplyTicket) -> Answer {
    worker.gather({ $0.describeClients() }) { _, parts in
      ticket.deliver(
        .json(status: .ok) { json in
          json.field("clients", parts.joined()) { $0.element(json: $1) }
        })
    }
    return .later
  }

  /// Closes one client: on a stream `bye` with the reason `removed`, on a WebSocket also 1008.
  func removeClient(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    try request.requireWriting()
    let unknown = Problem.notFound("there is no client \(id)")
    guard let client = ClientID(id), shared.mailboxes.indices.contains(client.loop) else {
      throw unknown
    }
    let by = request.peer.text
    shared.mailboxes[client.loop].post(
      .work { worker in
        let removed = worker.removeClient(client, by: by)
        ticket.deliver(removed ? Response(status: .noContent) : unknown.response)
      })
    return .later
  }

  func stats(_ ticket: ReplyTicket) -> Answer {
    let shared = shared
    worker.gather({ LoopStats($0) }) { worker, loops in
      let hub = worker.hub
      ticket.deliver(
        .json(status: .ok) { json in
          json.field("version", shared.configuration.version)
          json.field("epoch", shared.watcher.epoch.text)
          json.field(
            "uptimeSeconds", seconds: Double(Clock.monotonic() - shared.startedAt) / Double(second))
          json.field("head", hub.head)
          json.field("oldest", hub.oldest)
          json.field("journal") {
            $0.field("records", hub.statistics.records)
            $0.field("bytes", hub.statistics.bytes)
            $0.field("evicted", hub.statistics.recordsEvicted)
            if let oldest = hub.statistics.oldestTime {
              let age = max(0, Clock.realtime() - oldest)
              $0.field("oldestSeconds", seconds: Double(age) / Double(second))
            }
            $0.field("limits") {
              $0.field("records", shared.configuration.history.records)
              $0.field("bytes", shared.configuration.history.bytes)
              $0.field(
                "seconds", seconds: Double(shared.configuration.history.age) / Double(second))
            }
          }
          json.field("loops", loops) { json, loop in
            json.object {
              $0.field("connections", loop.connections)
              $0.field("streams", loop.streams)
              $0.field("requests", loop.requests)
            }
          }
          json.field("connections", loops.reduce(0) { $0 + $1.connections })
          json.field("maxConnections", shared.census.limit)
          json.field("streams", loops.reduce(0) { $0 + $1.streams })
          json.field("watches", hub.watches.count)
        })
    }
    return .later
  }
}

/// One loop's share of `/-/v1/stats`.
private struct LoopStats: Sendable {
  let connections: Int
  let streams: Int
  let requests: UInt64

  init(_ worker: Worker) {
    connections = worker.connections.count
    streams = worker.streams.count
    requests = worker.requests
  }
}

extension Worker {
  /// A JSON object for each client that follows something here.
  func describeClients() -> [[UInt8]] {
    streams.values.compactMap { channel in
      guard let subscriptions = channel.driver?.subscriptions else { return nil }
      var json = JSONText()
      json.object {
        $0.field("id", ClientID(loop: index, connection: channel.id.rawValue).text)
        $0.field("transport", channel.transport.name)
        $0.field("address", channel.peer.text)
        $0.field(
          "connectedSeconds", seconds: Double(loop.now - channel.openedAt) / Double(second))
        $0.field("bytesSent", channel.sentBytes)
        $0.field("bytesWaiting") {
          $0.field("process", channel.waitingBytes)
          $0.field("kernel", channel.unacknowledgedBytes)
        }
        $0.field("subscriptions", subscriptions) { json, open in
          json.object { describe(open.subscription, ref: open.ref, into: &$0) }
        }
      }
      return json.bytes
    }
  }

  /// False when it has gone already, or follows nothing.
  func removeClient(_ id: ClientID, by peer: String) -> Bool {
    let found = streams.first { $0.key.rawValue == id.connection }
    guard let client = found?.value, client.isOpen else { return false }
    shared.log.notice(
      "\(client.transport.name) client \(client.peer.text): closed for \(peer)")
    client.removedByOperator()
    return true
  }

  private func describe(_ subscription: Subscription, ref: String?, into json: inout JSONText) {
    let status = subscription.status(now: Clock.realtime())
    if let ref { json.field("ref", ref) }
    json.field("watch", status.watches)
    json.field("path", status.paths)
    json.field("ignore", status.ignores)
    json.field("kinds", status.kinds.kinds.map(\.name))
    json.field("cursor", status.cursor.text)
    json.field("lag") {
      $0.field("changes", status.lagRecords)
      $0.field("bytes", status.lagBytes)
      $0.field("seconds", seconds: Double(status.lagNanoseconds) / Double(second))
    }
    json.field("sent", status.sent)
    json.field("resets", status.resets)
  }
}
