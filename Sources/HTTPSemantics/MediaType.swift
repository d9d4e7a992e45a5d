/// The media type of a file, by the last extension of its name (the IANA registry; what browsers
/// refuse to guess because of `nosniff` must be right here).
package enum MediaType {
  /// What a name tells nothing about.
  package static let unknown = "application/octet-stream"

  /// Value of Content-Type for a file name, exact bytes. Text says that it is UTF-8.
  package static func of(fileName name: some Collection<UInt8>) -> String {
    let bytes = Array(name)
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return unknown }
    let text = String(decoding: bytes[(dot + 1)...], as: UTF8.self).lowercased()
    return byExtension[text] ?? unknown
  }

  /// Whether content of that type shrinks: text in any guise, fonts and images that are not
  /// compressed themselves.
  package static func isCompressible(_ type: String) -> Bool {
    let name = type.prefix { $0 != ";" }
    if name.hasPrefix("text/") || name.hasSuffix("json") || name.hasSuffix("xml") { return true }
    return compressible.contains(String(name))
  }

  private static let compressible: Set<String> = [
    "application/javascript", "application/wasm", "application/rtf", "application/x-tar",
    "application/vnd.apple.mpegurl", "application/vnd.ms-fontobject", "font/ttf", "font/otf",
    "image/bmp", "image/vnd.microsoft.icon", "model/gltf-binary", "model/obj", "model/stl",
  ]

  /// Whether a type of this table is a page a script can be put into.
  package static func isHTML(_ type: String) -> Bool { type.hasPrefix("text/html") }

  private static let byExtension: [String: String] = {
    var table: [String: String] = [:]
    for (type, extensions) in types {
      for name in extensions.split(separator: " ") { table[String(name)] = type }
    }
    return table
  }()

  private static let types: [(type: String, extensions: String)] = [
    // Pages, styles, scripts (RFC 9239: text/javascript)
    ("text/html; charset=utf-8", "html htm shtml"),
    ("application/xhtml+xml", "xhtml xht"),
    ("text/css; charset=utf-8", "css"),
    ("text/javascript; charset=utf-8", "js mjs cjs"),
    ("application/json", "json map"),
    ("application/ld+json", "jsonld"),
    ("application/geo+json", "geojson"),
    ("application/manifest+json", "webmanifest"),
    ("application/wasm", "wasm"),
    // Text
    ("text/plain; charset=utf-8", "txt text log conf ini toml ts tsx jsx swift c h py rs go sh"),
    ("text/markdown; charset=utf-8", "md markdown"),
    ("text/csv; charset=utf-8", "csv"),
    ("text/tab-separated-values; charset=utf-8", "tsv"),
    ("text/calendar; charset=utf-8", "ics"),
    ("text/vcard; charset=utf-8", "vcf"),
    ("text/vtt; charset=utf-8", "vtt"),
    ("application/x-ndjson", "ndjson jsonl"),
    ("application/yaml", "yaml yml"),
    ("application/xml", "xml xsl xsd"),
    ("application/atom+xml", "atom"),
    ("application/rss+xml", "rss"),
    // Images
    ("image/svg+xml", "svg"),
    ("image/png", "png"),
    ("image/apng", "apng"),
    ("image/jpeg", "jpg jpeg jfif"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/avif", "avif"),
    ("image/jxl", "jxl"),
    ("image/heic", "heic"),
    ("image/bmp", "bmp"),
    ("image/tiff", "tif tiff"),
    ("image/vnd.microsoft.icon", "ico cur"),
    // Fonts (RFC 8081)
    ("font/woff2", "woff2"),
    ("font/woff", "woff"),
    ("font/ttf", "ttf"),
    ("font/otf", "otf"),
    ("font/collection", "ttc"),
    ("application/vnd.ms-fontobject", "eot"),
    // Sound and film
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/aac", "aac"),
    ("audio/flac", "flac"),
    ("audio/ogg", "ogg oga opus"),
    ("audio/wav", "wav"),
    ("audio/webm", "weba"),
    ("audio/midi", "mid midi"),
    ("video/mp4", "mp4 m4v"),
    ("video/webm", "webm"),
    ("video/ogg", "ogv"),
    ("video/quicktime", "mov"),
    ("video/mp2t", "m2ts"),
    ("video/x-matroska", "mkv"),
    ("application/vnd.apple.mpegurl", "m3u8"),
    ("application/dash+xml", "mpd"),
    // Documents, archives, models
    ("application/pdf", "pdf"),
    ("application/epub+zip", "epub"),
    ("application/rtf", "rtf"),
    ("application/zip", "zip"),
    ("application/gzip", "gz tgz"),
    ("application/zstd", "zst"),
    ("application/x-tar", "tar"),
    ("application/x-bzip2", "bz2"),
    ("application/x-xz", "xz"),
    ("application/x-7z-compressed", "7z"),
    ("model/gltf+json", "gltf"),
    ("model/gltf-binary", "glb"),
    ("model/obj", "obj"),
    ("model/stl", "stl"),
  ]
}
