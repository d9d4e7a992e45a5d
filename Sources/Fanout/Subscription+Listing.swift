internal import EventFormats
package import FileEvents

extension Subscription {
  /// A listing begins when the ring holds all that was published before the client came, so that
  /// every watch there is, is known.
  func prepare(_ listing: InitialListing) {
    let published = hub.published()
    guard published > hub.head else { return }
    listing.wait = .head(published)
    hub.wakeAtNextBatch(self)
  }

  /// A replay goes on when the ring holds all that was published before the client came.
  func awaitHead() {
    guard !state.awaitsHead else { return }
    state.awaitsHead = true
    hub.wakeAtNextBatch(self)
  }

  func headMoved() {
    state.awaitsHead = false
    switch state.phase {
    case .replaying: ready()
    case .listing:
      guard let listing, case .head(let needed) = listing.wait else { return }
      guard hub.head >= needed else { return hub.wakeAtNextBatch(self) }
      listing.wait = .nothing
      ready()
    case .live, .ended: break
    }
  }

  /// Nil once `synced` is said.
  func pullListing(
    _ listing: InitialListing, turn: inout PullTurn, into output: inout [UInt8]
  ) -> Pull? {
    while true {
      if listing.hasBegun, hub.oldest > state.position + 1 {
        beginAgain(listing, into: &output)
      }
      if listing.wait != .nothing { return .waiting }
      if turn.isOver(output.count) { return .more }
      if !listing.hasBegun {
        settleJobs(listing)
      } else if listing.page != nil {
        sendEntries(listing, turn: turn, into: &output)
      } else if let job = listing.jobs.first {
        request(job, listing)
      } else if !listing.isCatchingUp {
        listing.isCatchingUp = true
        listing.target = max(listing.target, hub.head)
      } else if state.position >= listing.target {
        hub.encoder(for: framing).encoder.appendSynced(id: state.position, into: &output)
        state.phase = .live
        self.listing = nil
        state.isExact = false
        count(events: 1, upTo: state.position)
        return nil
      } else if hub.head <= state.position {
        listing.wait = .head(listing.target)
        hub.wakeAtNextBatch(self)
      } else {
        catchUp(listing, turn: &turn, into: &output)
      }
    }
  }

  /// Decides what to list. Waits while a watch crawls: the place where the changes are taken up again
  /// should be young.
  private func settleJobs(_ listing: InitialListing) {
    let watches = hub.watchTable.covered(by: group.selection).filter(\.isListable)
    guard !watches.contains(where: \.isCrawling) else {
      listing.wait = .watch
      return
    }
    listing.hasBegun = true
    listing.jobs = watches.flatMap { jobs(of: $0.number) }
    state.position = hub.head
  }

  /// The smallest subtrees that hold what the filter sees, each after the directories that lead there.
  private func jobs(of watch: UInt32) -> [InitialListing.Job] {
    let filter = group.selection.filter
    var jobs: [InitialListing.Job] = []
    var listed: Set<[UInt8]> = []
    for scope in filter.scopes(below: []) {
      for (index, byte) in scope.enumerated() where byte == UInt8(ascii: "/") {
        let directory = Array(scope[..<index])
        guard listed.insert(directory).inserted else { continue }
        jobs.append(.init(watch: watch, path: directory, isWhole: false))
      }
      let isWhole = filter.couldMatchBelow(scope.span)
      jobs.append(.init(watch: watch, path: scope, isWhole: isWhole))
    }
    return jobs
  }

  private func request(_ job: InitialListing.Job, _ listing: InitialListing) {
    guard hub.watchTable[job.watch]?.isListable == true else {
      listing.jobs.removeAll { $0.watch == job.watch }
      listing.after = nil
      return
    }
    listing.wait = .page
    listing.askedAt = hub.head
    ask(
      ListingRequest(
        watch: job.watch, path: job.path, after: listing.after,
        limit: job.isWhole ? listing.entriesAsked : 1))
  }

  /// Takes the answer to what the owner was asked for. One that comes after the end is ignored.
  package func receive(_ answer: Result<ListingPage, ListingError>) {
    guard let listing, listing.wait == .page else { return }
    listing.wait = .nothing
    guard !listing.isStale, let job = listing.jobs.first else {
      listing.isStale = false
      return ready()
    }
    switch answer {
    case .success(let page):
      note(listing, job.watch, shows: page.sequence)
      listing.target = max(listing.target, page.sequence)
      listing.page = page
      listing.entriesSentOfPage = 0
    case .failure(.noSuchPath):
      note(listing, job.watch, shows: listing.askedAt)
      endJob(listing)
    // What does not respond now is told to begin with once it does.
    case .failure(.noSuchWatch), .failure(.notResponding):
      listing.jobs.removeAll { $0.watch == job.watch }
      listing.after = nil
    case .failure(.crawling): waitForCrawl(of: job.watch, listing)
    case .failure(.changed): listAgain(job.watch, listing)
    }
    ready()
  }

  private func note(_ listing: InitialListing, _ watch: UInt32, shows sequence: UInt64) {
    if listing.starts[watch] == nil { listing.starts[watch] = sequence }
  }

  /// The answer and the record that ends the crawl may have passed each other.
  private func waitForCrawl(of watch: UInt32, _ listing: InitialListing) {
    guard let entry = hub.watchTable[watch] else { return }
    let hasMoved = entry.stateSequence > listing.askedAt && !entry.isCrawling
    listing.wait = hasMoved ? .nothing : .watch
  }

  /// A directory moved between two pages. While catching up the move itself is still to be sent, so
  /// the page is only asked for again; before, the watch begins again. Longer pages make an end.
  private func listAgain(_ watch: UInt32, _ listing: InitialListing) {
    listing.entriesAsked = min(listing.entriesAsked * 2, FanoutLimits.listingEntriesMost)
    listing.after = nil
    if listing.isCatchingUp { return }
    listing.jobs.removeAll { $0.watch == watch }
    listing.jobs.insert(contentsOf: jobs(of: watch), at: 0)
    listing.starts[watch] = nil
    if listing.told.remove(watch) != nil {
      var reset: [UInt8] = []
      sayBeginAgain([watch], .lagged, into: &reset)
      pending += reset
    }
  }

  /// The listing has outlived the journal.
  private func beginAgain(_ listing: InitialListing, into output: inout [UInt8]) {
    let told = listing.told
    let wait = listing.wait
    listing.beginAgain()
    // An answer on its way must not be taken for one to the next request.
    listing.wait = wait
    listing.isStale = wait == .page
    if !told.isEmpty { sayBeginAgain(told, .history, into: &output) }
  }

  private func sayBeginAgain(
    _ watches: Set<UInt32>, _ reason: ResetReason, into output: inout [UInt8]
  ) {
    let ids = watches.compactMap { hub.watchTable[$0]?.id }
    hub.encoder(for: framing).encoder.appendReset(
      id: nil, reason: reason, scope: hub.scope(of: group.selection, watches: Set(ids)),
      lostAfter: nil, oldest: hub.oldest - 1, into: &output)
    countReset(reason)
    state.sent += 1
  }

  private func sendEntries(
    _ listing: InitialListing, turn: PullTurn, into output: inout [UInt8]
  ) {
    guard let page = listing.page, let job = listing.jobs.first,
      let watch = hub.watchTable[job.watch]
    else { return endJob(listing) }
    let framed = hub.encoder(for: framing)
    let filter = group.selection.filter
    var events = 0
    while listing.entriesSentOfPage < page.records.count {
      if output.count - turn.start >= turn.limit { break }
      let record = page.records[listing.entriesSentOfPage]
      listing.entriesSentOfPage += 1
      let path = page.bytes.span.extracting(record.pathRange)
      guard filter.sees(path, mayBeDirectory: record.type == .directory) else { continue }
      framed.encoder.appendEntry(record, bytes: page.bytes, watch: watch.id, into: &output)
      events += 1
    }
    if events > 0 { listing.told.insert(job.watch) }
    count(events: events, upTo: state.told)
    guard listing.entriesSentOfPage == page.records.count else { return }
    if job.isWhole, let next = page.next {
      listing.after = next
      listing.page = nil
    } else {
      endJob(listing)
    }
  }

  private func endJob(_ listing: InitialListing) {
    listing.jobs.removeFirst()
    listing.after = nil
    listing.page = nil
    listing.entriesAsked = FanoutLimits.listingEntries
  }

  /// Sends what changed since the listing, without ids. A directory that moved is told as gone and as
  /// come, and what is below it now is listed: the client may know more or less of it than it held
  /// then. So is an exchange, whose record says little of what came to `from`.
  private func catchUp(
    _ listing: InitialListing, turn: inout PullTurn, into output: inout [UInt8]
  ) {
    let framed = hub.encoder(for: framing)
    let selection = group.selection
    let (start, limit) = (turn.start, turn.limit)
    var events = 0
    let walked = hub.walk(
      group, after: state.position, through: listing.target, budget: &turn.budget
    ) { sighting in
      let (record, watch) = (sighting.record, sighting.watch)
      if record.subject != .watch, let shown = listing.starts[record.watch],
        sighting.sequence <= shown
      {
        return .take
      }
      if output.count - start >= limit { return .stop }
      events += 1
      switch record.subject {
      case .watch:
        framed.encoder.appendWatch(watch.id, state: record.state, id: nil, into: &output)
        return .take
      case .reset:
        hub.appendReset(sighting, for: selection, id: nil, with: framed, into: &output)
        return .take
      case .change: break
      }
      listing.told.insert(record.watch)
      let isExchange = record.flags.contains(.exchange)
      let isApart = record.kind == .move && (record.mayBeDirectory || isExchange)
      if sighting.verdict == .whole, !isApart {
        framed.encoder.appendChange(
          record, bytes: sighting.bytes, watch: watch.id, id: nil, into: &output)
        return .take
      }
      let kinds = isApart ? .all : selection.kinds
      for piece in selection.pieces(
        of: record, names: sighting.bytes, kinds: kinds)
      {
        switch piece {
        case .change(let part):
          framed.encoder.appendChange(
            part, bytes: sighting.bytes, watch: watch.id, id: nil, into: &output)
        case .contentUnknown(let range):
          let path = Array(sighting.bytes[range])
          listing.jobs.append(.init(watch: record.watch, path: path, isWhole: true))
        }
      }
      if isExchange, !record.fromType.mayBeDirectory {
        let path = Array(sighting.bytes[record.fromRange])
        listing.jobs.append(.init(watch: record.watch, path: path, isWhole: false))
      }
      return listing.jobs.isEmpty ? .take : .takeAndStop
    }
    state.position = walked.position
    count(events: events, upTo: state.told)
  }
}
