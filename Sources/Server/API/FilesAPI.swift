internal import Bytes
internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import Foundation
internal import HTTPTypes
internal import Syscalls

/// `GET /-/v1/watches/{id}/files`: what a watch holds, page by page.
extension Router {
  private static let limitRange = 1...10_000

  func files(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    var query = try QueryReader(request.query)
    let path = try query.bytes("path") ?? []
    let limit = try query.integer("limit", Self.limitRange) ?? 1_000
    let after = try query.one("after")
    let fields = try EntryFields(try query.all("fields"))
    let timeout = try query.duration("timeout", .zero...(.seconds(60)))
    try query.finish()
    guard let watch = worker.hub.watches.first(where: { $0.id == id }) else {
      throw .notFound("there is no watch \(id)")
    }
    var listing = ListingRequest(watch: watch.number, limit: limit)
    listing.path = Array(path.drop { $0 == 0x2F })
    if listing.path.last == 0x2F { listing.path.removeLast() }
    if let after {
      guard let token = Data(base64Encoded: after) else {
        throw .malformed("after", "must be the next of a page before")
      }
      listing.after = Array(token)
    }
    let wait = timeout ?? shared.configuration.limits.crawlWaitSeconds * second
    worker.page(
      PendingPage(
        listing: listing, watchID: id, fields: fields, ticket: ticket,
        deadline: worker.loop.now + wait))
    return .later
  }
}

/// Which members an entry of `files` has.
struct EntryFields: Sendable {
  var type = true
  var size = true
  var mtime = true

  init(_ lists: [String]) throws(Problem) {
    let names = lists.flatMap { $0.split(separator: ",") }
    guard !names.isEmpty else { return }
    (type, size, mtime) = (false, false, false)
    for name in names {
      switch name {
      case "path": break
      case "type": type = true
      case "size": size = true
      case "mtime": mtime = true
      default: throw .malformed("fields", "\(name) is none of path, type, size, mtime")
      }
    }
  }
}

/// A page of `files` that has been asked for; while the watch crawls it is asked for again at each
/// change of a watch's state, until its deadline.
struct PendingPage: Sendable {
  let listing: ListingRequest
  let watchID: String
  let fields: EntryFields
  let ticket: ReplyTicket
  /// Monotonic nanoseconds.
  let deadline: Int64

  /// The answer; nil when it is worth waiting for the crawl to end, or for the filesystem.
  func response(to result: Result<ListingPage, ListingError>, epoch: Epoch, now: Int64) -> Response?
  {
    switch result {
    case .success(let page): return show(page, epoch)
    case .failure(.crawling):
      guard deadline <= now else { return nil }
      return Problem.crawling(watchID).response
    case .failure(.notResponding):
      guard deadline <= now else { return nil }
      return Problem.notResponding(watchID).response
    case .failure(.noSuchWatch):
      return Problem.notFound("there is no watch \(watchID)").response
    case .failure(.noSuchPath):
      return Problem.noSuchPath(String(decoding: listing.path, as: UTF8.self)).response
    case .failure(.changed):
      return Problem(
        .conflict, "listing-changed", "a directory has moved since the first page",
        hint: "begin again without after", field: "after"
      ).response
    }
  }

  private func show(_ page: ListingPage, _ epoch: Epoch) -> Response {
    .json(status: .ok) { json in
      json.field("entries", page.records) { json, record in
        json.object { describe(record, page.bytes, into: &$0) }
      }
      if let next = page.next { json.field("next", Data(next).base64EncodedString()) }
      json.field("cursor", Cursor(epoch: epoch, sequence: page.sequence).text)
    }
  }

  private func describe(_ record: JournalRecord, _ bytes: [UInt8], into json: inout JSONText) {
    json.field("path", path: bytes[Int(record.pathStart)..<Int(record.pathEnd)])
    if fields.type, let type = record.type.name { json.field("type", type) }
    guard record.flags.contains(.indexed) else { return }
    if fields.size { json.field("size", record.size) }
    if fields.mtime { json.field("mtime", timestamp: record.mtime) }
  }
}

/// Pages that wait for a crawl to end. Confined to its loop; wakes only while some wait.
final class PageWaitingRoom: LoopSource {
  private unowned let worker: Worker
  private var token: Loop.Token?
  private var waiting: [PendingPage] = []

  init(_ worker: Worker) { self.worker = worker }

  func enter(_ page: PendingPage) {
    waiting.append(page)
    if token == nil { token = worker.loop.addTimer(self) }
    worker.loop.setTimer(token!, at: waiting.map(\.deadline).min())
  }

  /// A watch has changed its state: everybody asks again.
  func callAll() {
    let all = waiting
    waiting = []
    for page in all { worker.page(page) }
  }

  func becameReady(_ readiness: Readiness) {}

  func timerFired() { callAll() }
}
