package import HTTPSemantics

/// How a server is meant to run: every choice made, built once from the command line.
package struct ServerConfiguration: Sendable {
  /// Loops, each with a thread of its own.
  package var loops: Int
  /// The directory served at `/`; nil: API only.
  package var site: [UInt8]?
  /// Directories that watches may be rooted in, canonical.
  package var allowedRoots: [[UInt8]]
  /// Names besides IP literals and localhost that `Host` may hold.
  package var allowedHosts: [String]
  /// Which pages may call.
  package var origins: OriginRule
  /// Whether `origins` lists any besides our own.
  package var allowsOtherOrigins: Bool
  /// Who may come in; empty: everybody who can reach the listeners.
  package var tokens: [AccessToken]
  /// Lets one browser in that opens the link printed at start.
  package var loginTicket: LoginTicket?
  /// The directory to read the pages of `/-/` from while one works on them; nil: those built in.
  package var publicDirectory: String?
  package var version: String
  package var limits = Limits()
  /// What the watcher was told to keep: said in `stats` and `metrics`.
  package var history = HistoryBounds()

  package init(
    loops: Int, site: [UInt8]?, allowedRoots: [[UInt8]],
    allowedHosts: [String], origins: OriginRule, allowsOtherOrigins: Bool, tokens: [AccessToken],
    publicDirectory: String?, version: String
  ) {
    self.loops = loops
    self.site = site
    self.allowedRoots = allowedRoots
    self.allowedHosts = allowedHosts
    self.origins = origins
    self.allowsOtherOrigins = allowsOtherOrigins
    self.tokens = tokens
    self.publicDirectory = publicDirectory
    self.version = version
  }
}

/// Every limit of the server, with the reason for its number.
package struct Limits: Sendable {
  /// From the first byte of a request to the end of its head: a person's network needs less.
  package var headSeconds: Int64 = 10
  /// Between requests on a connection that is kept: what browsers hold open anyway.
  package var idleSeconds: Int64 = 60
  /// For the whole body of a request: 1 MiB at 35 KB/s.
  package var bodySeconds: Int64 = 30
  /// A peer that takes no byte of an answer for so long has gone away.
  package var stalledAnswerSeconds: Int64 = 30
  /// Kernel's share of a stream that its client does not read (TCP_NOTSENT_LOWAT).
  package var unsentBytes: Int32 = 16 * 1024
  /// What one stream is given in one turn: enough to fill a send, little enough to be fair.
  package var bytesPerTurn = 64 * 1024
  /// One read: a page of requests, or a large WebSocket message in a few.
  package var readBytes = 64 * 1024
  /// Silence before TCP asks whether the peer is still there.
  package var keepAliveSeconds: Int32 = 60
  /// Subscriptions on one WebSocket: more than a page shows.
  package var subscriptionsPerConnection = 128
  /// Connections of all loops together. The command line makes it four fifths of the descriptors the
  /// process may have: the rest is for files being served and directories being read.
  package var connections = 100_000
  /// Connections from one address (of IPv6: from one /64) that is not this machine's own; 0: no limit.
  /// Forty people behind one router with a browser's six connections each; a proxy in front of all
  /// needs more.
  package var connectionsPerAddress = 256
  /// Connections on one loop that are heard although they are too many, to be told so.
  package var refusedAtOnce = 16
  /// For the whole request of such a connection.
  package var refusedSeconds: Int64 = 1
  /// A client that acknowledges what arrives but takes no byte of a stream, nanoseconds: it costs
  /// little, and a page that a browser has frozen comes back.
  package var stall: Int64 = 600 * second
  /// Data unacknowledged for so long: the peer is gone. Three lost round trips to anywhere are a tenth
  /// of it.
  package var silenceSeconds: Int64 = 30
  /// How long clients that are behind may keep those waiting that are not.
  package var laggardNanosecondsPerTurn: Int64 = 2_000_000
  /// Between a WebSocket's pings: below the idle limits of common proxies (30–60 s).
  package var pingSeconds: Int64 = 25
  /// Groups of clients on one loop that share a compressor, 22 KB, or 268 KB from eight clients on:
  /// 67 MB at worst, for 2,048 clients. Whoever comes then is compressed alone, without memory, by
  /// 3 µs an event.
  package var compressionGroups = 256
  /// Watches that REST may add: each costs kernel memory.
  package var watches = 1_000
  /// Over how long a stop spreads its goodbyes, nanoseconds; 0: all at once.
  package var drain: Int64 = 0
  /// How long streams have to take their `bye`: a stop without `drain` is over within 2 s.
  package var goodbyeMilliseconds: Int64 = 1_000
  /// How long a listing or a start waits for the crawl to end before `503 crawling`.
  package var crawlWaitSeconds: Int64 = 10

  package init() {}
}

/// How much of the journal is kept.
package struct HistoryBounds: Sendable, Equatable {
  package var records = 65_536
  package var bytes = 64 << 20
  /// Nanoseconds.
  package var age: Int64 = 600 * second

  package init() {}
}

/// A line of the token file: who presents `secret` may come in.
package struct AccessToken: Sendable {
  /// Exact bytes.
  package var secret: [UInt8]
  /// Whether it may change anything (`rw`), or only read and follow (`ro`).
  package var mayWrite: Bool

  package init(secret: [UInt8], mayWrite: Bool) {
    self.secret = secret
    self.mayWrite = mayWrite
  }
}
