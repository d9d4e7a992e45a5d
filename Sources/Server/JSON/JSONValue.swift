internal import Foundation
internal import HTTPTypes

/// A JSON document somebody sent us: request bodies and the operations of a WebSocket.
enum JSONValue: Decodable, Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let single = try decoder.singleValueContainer()
    if single.decodeNil() {
      self = .null
    } else if let value = try? single.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? single.decode(Double.self) {
      self = .number(value)
    } else if let value = try? single.decode(String.self) {
      self = .string(value)
    } else if let value = try? single.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try single.decode([String: JSONValue].self))
    }
  }

  /// Reads a whole document; 400 says where it stops being JSON.
  static func parse(_ bytes: [UInt8], as name: String) throws(Problem) -> JSONValue {
    do { return try JSONDecoder().decode(JSONValue.self, from: Data(bytes)) } catch {
      var place = "is not JSON"
      if case DecodingError.dataCorrupted(let context) = error,
        let reason = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"]
          as? String
      {
        place = "is not JSON: \(reason)"
      }
      throw Problem(.badRequest, "malformed", "\(name) \(place)", field: name)
    }
  }

  /// What it is, for messages.
  var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// Reads the members of a JSON object by name, says which one is wrong, and refuses what is left
/// over: an unknown member is a typing mistake until proved otherwise.
struct MemberReader {
  private var left: [String: JSONValue]
  private var known: [String] = []

  init(_ value: JSONValue, as name: String) throws(Problem) {
    guard case .object(let members) = value else {
      throw .malformed(name, "must be a JSON object, not \(value.kindName)")
    }
    left = members
  }

  /// Whether the object has the member, be it null.
  mutating func has(_ name: String) -> Bool {
    if left[name] != nil { return true }
    known.append(name)
    return false
  }

  mutating func string(_ name: String) throws(Problem) -> String? {
    switch take(name) {
    case nil, .null: return nil
    case .string(let value): return value
    case let other?: throw .malformed(name, "must be a string, not \(other.kindName)")
    }
  }

  mutating func bool(_ name: String) throws(Problem) -> Bool? {
    switch take(name) {
    case nil, .null: return nil
    case .bool(let value): return value
    case let other?: throw .malformed(name, "must be true or false, not \(other.kindName)")
    }
  }

  mutating func integer(_ name: String, _ range: ClosedRange<Int>) throws(Problem) -> Int? {
    switch take(name) {
    case nil, .null: return nil
    case .number(let value):
      guard let exact = Int(exactly: value), range.contains(exact) else {
        throw .malformed(
          name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return exact
    case let other?: throw .malformed(name, "must be a number, not \(other.kindName)")
    }
  }

  /// An array of strings; a lone string counts as an array of one.
  mutating func strings(_ name: String) throws(Problem) -> [String]? {
    switch take(name) {
    case nil, .null: return nil
    case .string(let value): return [value]
    case .array(let values):
      var strings: [String] = []
      for (index, value) in values.enumerated() {
        guard case .string(let string) = value else {
          throw .malformed("\(name)[\(index)]", "must be a string, not \(value.kindName)")
        }
        strings.append(string)
      }
      return strings
    case let other?: throw .malformed(name, "must be an array of strings, not \(other.kindName)")
    }
  }

  /// Refuses members nobody asked for.
  func finish() throws(Problem) {
    guard let stranger = left.keys.min() else { return }
    throw .unknownField(stranger, known: known)
  }

  private mutating func take(_ name: String) -> JSONValue? {
    known.append(name)
    return left.removeValue(forKey: name)
  }
}
