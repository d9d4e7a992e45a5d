import Bytes
import EventFormats
import FileEvents
import Foundation

/// Whatever a name holds, what it is told by is one event of the stream, and says that name.
func fuzzEvents(_ bytes: UnsafeRawBufferPointer) {
  decodedAlike(bytes)
  let name = Array(bytes)
  var record = JournalRecord(subject: .change, watch: 1, time: 0)
  record.kind = .move
  record.pathEnd = UInt32(name.count)
  record.fromStart = UInt32(name.count / 2)
  record.fromEnd = UInt32(name.count)
  let epoch = Epoch(text: "k3v9qa2c")

  var stream: [UInt8] = []
  var encoder = EventEncoder(epoch: epoch, framing: .sse)
  encoder.appendChange(record, bytes: name, watch: "site", id: 7, into: &stream)
  var decoder = EventStreamDecoder()
  guard let outputs = try? stream.withUnsafeBytes({ try decoder.decode($0) }),
    outputs.count == 1, case .event(let event) = outputs[0]
  else { preconditionFailure("not one event") }
  precondition(event.type == "change" && decoder.lastEventID == "k3v9qa2c-7")
  check(event.data, says: name)

  var line: [UInt8] = []
  var lines = EventEncoder(epoch: epoch, framing: .ndjson)
  lines.appendChange(record, bytes: name, watch: "site", id: 7, into: &line)
  precondition(line.last == 10 && line.count { $0 == 10 || $0 == 13 } == 1, "not one line")
  precondition(line.dropLast() == event.data[...], "framings differ")
}

/// Read by JSONDecoder, as the client reads; JSONSerialization takes a byte order mark off the start
/// of every string, which a file name may well begin with.
private func check(_ object: [UInt8], says name: [UInt8]) {
  struct Change: Decodable {
    var path: String
    var pathBytes: Data?
  }
  guard let change = try? JSONDecoder().decode(Change.self, from: Data(object))
  else { preconditionFailure("not a JSON object") }
  let path = Array(change.path.utf8)
  precondition(path == Array(String(decoding: name, as: UTF8.self).utf8), "path")
  precondition(change.pathBytes.map { Array($0) } ?? path == name, "pathBytes")
}

/// Any bytes decode to the same events however they are cut.
private func decodedAlike(_ bytes: UnsafeRawBufferPointer) {
  guard let first = bytes.first else { return }
  let cut = Int(first) % bytes.count
  var one = EventStreamDecoder(limit: 256)
  var two = EventStreamDecoder(limit: 256)
  guard let whole = try? one.decode(bytes) else { return }
  guard let head = try? two.decode(UnsafeRawBufferPointer(rebasing: bytes[..<cut])),
    let tail = try? two.decode(UnsafeRawBufferPointer(rebasing: bytes[cut...]))
  else { preconditionFailure("too long only where it was cut") }
  precondition(head + tail == whole && one.lastEventID == two.lastEventID, "cut at \(cut)")
}

/// A JSON string is read back as the text it was made from.
func fuzzJSON(_ bytes: UnsafeRawBufferPointer) {
  let text = Array(bytes)
  var json = Array("[".utf8)
  json.append(jsonString: text.span)
  json += Array("]".utf8)
  precondition(String(validating: json, as: UTF8.self) != nil, "not UTF-8")
  guard let value = try? JSONDecoder().decode([String].self, from: Data(json)), value.count == 1
  else { preconditionFailure("not JSON") }
  precondition(
    Array(value[0].utf8) == Array(String(decoding: text, as: UTF8.self).utf8), "another text")
}
