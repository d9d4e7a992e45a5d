internal import Compression
internal import HTTPSemantics
internal import HTTPTypes

/// Compressing what is sent, where the client likes it so.
extension ContentCoding {
  /// Below this an answer fits one packet, whatever is done to it.
  static let least = 512

  /// `content` in this coding.
  func compressed(_ content: [UInt8]) -> [UInt8] { Deflater.compressed(content, format) }

  var format: CompressionFormat { self == .gzip ? .gzip : .zlib }
}

extension HTTPRequest {
  /// What the client likes its answer to be compressed by; nil for not at all. A part of a file is a
  /// part of the file as it is.
  var coding: ContentCoding? {
    guard headerFields[.range] == nil else { return nil }
    return ContentCoding.choose(for: headerFields[values: .acceptEncoding])
  }
}

extension HTTPFields {
  /// Says that answers differ by this field of the request too.
  mutating func vary(by name: String) {
    guard let known = self[.vary] else { return self[.vary] = name }
    if !known.contains(name) { self[.vary] = "\(known), \(name)" }
  }
}

extension Response {
  /// Compresses what is worth it: text that is made for this answer. What has an entity tag is looked
  /// after by who made it, since its forms need tags of their own.
  mutating func compress(for request: HTTPRequest) {
    guard case .bytes(let content) = body, content.count >= ContentCoding.least,
      let type = fields[.contentType], MediaType.isCompressible(type),
      fields[.eTag] == nil, fields[.contentEncoding] == nil
    else { return }
    fields.vary(by: "Accept-Encoding")
    guard let coding = request.coding else { return }
    fields[.contentEncoding] = coding.rawValue
    body = .bytes(coding.compressed(content))
  }
}
