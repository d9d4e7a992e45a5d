package import HTTPTypes

/// The conditions a request puts on what it asks for, evaluated in the order of RFC 9110 §13.2.2.
package enum Preconditions {
  /// What there is to be compared with.
  package struct Validators: Sendable {
    package var entityTag: EntityTag?
    package var lastModified: HTTPDate?

    package init(entityTag: EntityTag?, lastModified: HTTPDate?) {
      self.entityTag = entityTag
      self.lastModified = lastModified
    }
  }

  package enum Outcome: Sendable, Equatable {
    case proceed
    /// Answer 304 with the validators and no content.
    case notModified
    /// Answer 412 and do nothing.
    case failed
  }

  /// Decides on a request for what `current` describes; nil where nothing exists. A malformed date
  /// is ignored (§13.1.3, §13.1.4), a malformed list of tags matches nothing. `now` as for
  /// `HTTPDate`.
  package static func evaluate(
    _ request: HTTPRequest, current: Validators?, now: HTTPDate
  ) -> Outcome {
    let fields = request.headerFields
    if fields.contains(.ifMatch) {
      guard matches(fields[values: .ifMatch], current, by: { $0.matchesStrongly($1) }) else {
        return .failed
      }
    } else if let limit = date(fields[values: .ifUnmodifiedSince], now), let current {
      guard let modified = current.lastModified, modified <= limit else { return .failed }
    }
    let isRead = request.method == .get || request.method == .head
    if fields.contains(.ifNoneMatch) {
      if matches(fields[values: .ifNoneMatch], current, by: { $0.matchesWeakly($1) }) {
        return isRead ? .notModified : .failed
      }
    } else if isRead, let since = date(fields[values: .ifModifiedSince], now),
      let modified = current?.lastModified, modified <= since
    {
      return .notModified
    }
    return .proceed
  }

  /// Whether Range may be honoured: If-Range is absent, or names by a strong tag or by the exact
  /// date what is there (§13.1.5).
  package static func allowRange(
    _ request: HTTPRequest, current: Validators, now: HTTPDate
  ) -> Bool {
    guard request.method == .get else { return false }  // §14.2
    let values = request.headerFields[values: .ifRange]
    guard let condition = values.first else { return true }
    guard values.count == 1 else { return false }
    if let tag = EntityTag(parsing: condition) {
      return current.entityTag.map(tag.matchesStrongly) ?? false
    }
    // A date is a strong validator only when it lies a while back (§8.8.2.2); a file may be
    // written twice in a second.
    guard let modified = current.lastModified, HTTPDate(condition, now: now) == modified else {
      return false
    }
    return now.secondsSince1970 - modified.secondsSince1970 >= 60
  }

  private static func matches(
    _ values: [String], _ current: Validators?, by compare: (EntityTag, EntityTag) -> Bool
  ) -> Bool {
    guard let current, let condition = EntityTagCondition(values) else { return false }
    switch condition {
    case .any: return true
    case .oneOf(let tags):
      guard let tag = current.entityTag else { return false }
      return tags.contains { compare($0, tag) }
    }
  }

  private static func date(_ values: [String], _ now: HTTPDate) -> HTTPDate? {
    values.count == 1 ? HTTPDate(values[0], now: now) : nil
  }
}
