internal import Fanout
internal import FileEvents
internal import FileWatching
internal import HTTPTypes
internal import Syscalls

/// `/-/metrics` for Prometheus: what all loops, the watcher and the process have done.
extension Router {
  func metrics(_ ticket: ReplyTicket) -> Answer {
    let shared = shared
    worker.gather({ LoopMetrics($0) }) { worker, loops in
      let journal = worker.hub.statistics
      shared.watcher.statuses { statuses in
        var text = PrometheusText()
        text.describe(loops, shared)
        text.describe(journal, shared.configuration.history)
        text.describe(statuses)
        text.describe(ProcessUsage.now())
        ticket.deliver(
          Response(
            status: .ok,
            fields: [.contentType: PrometheusText.contentType, .cacheControl: "no-store"],
            body: .bytes(Array(text.text.utf8))))
      }
    }
    return .later
  }
}

/// One loop's share.
private struct LoopMetrics: Sendable {
  var connections = [Int](repeating: 0, count: Transport.allCases.count)
  var streams = [Int](repeating: 0, count: Transport.allCases.count)
  var slowClients = 0
  var pendingRecords: UInt64 = 0
  var waitingBytes = 0
  let requests: UInt64
  let traffic: Traffic
  let disconnects: Disconnects
  let hub: HubCounters
  let resets: [ResetReason: UInt64]
  let groups: Int
  let compressionGroups: Int
  let compressionMembers: Int
  let textBytes: UInt64
  let compressedBytes: UInt64

  init(_ worker: Worker) {
    requests = worker.requests
    traffic = worker.traffic
    disconnects = worker.disconnects
    let statistics = worker.hub.statistics
    hub = statistics.counters
    resets = statistics.resets
    groups = statistics.groups
    compressionGroups = worker.compression.count
    compressionMembers = worker.compression.members
    textBytes = worker.compression.textBytes
    compressedBytes = worker.compression.compressedBytes
    for connection in worker.connections.values {
      connections[connection.transport.rawValue] += 1
      waitingBytes += connection.waitingBytes
    }
    for channel in worker.streams.values {
      streams[channel.transport.rawValue] += 1
      let lag = channel.driver?.subscriptions.map(\.subscription.lagRecords).max() ?? 0
      if lag > 0 { slowClients += 1 }
      pendingRecords += lag
    }
  }
}

extension PrometheusText {
  fileprivate mutating func describe(_ loops: [LoopMetrics], _ shared: Shared) {
    var (traffic, disconnects) = (Traffic(), Disconnects())
    for loop in loops {
      traffic.add(loop.traffic)
      disconnects.add(loop.disconnects)
    }
    func sum(_ number: (LoopMetrics) -> UInt64) -> Double {
      Double(loops.reduce(0) { $0 + number($1) })
    }
    family("tidings_build_info", .gauge, "The release that runs; always 1.") {
      $0.sample(["version": shared.configuration.version], 1)
    }
    family("tidings_connections_inflight", .gauge, "Connections open now.") { family in
      for transport in Transport.allCases {
        let count = loops.reduce(0) { $0 + $1.connections[transport.rawValue] }
        family.sample(["transport": transport.name], Double(count))
      }
    }
    family("tidings_streams_inflight", .gauge, "Clients that follow events now.") { family in
      for transport in Transport.allCases where transport != .http && transport != .http2 {
        let count = loops.reduce(0) { $0 + $1.streams[transport.rawValue] }
        family.sample(["transport": transport.name], Double(count))
      }
    }
    family("tidings_connections_limit", .gauge, "Connections that may be open (--max-connections).")
    { $0.sample([:], Double(shared.census.limit)) }
    family("tidings_connections_accepted_total", .counter, "Connections taken from the listeners.")
    { $0.sample([:], Double(traffic.accepted)) }
    family(
      "tidings_disconnects_total", .counter,
      "Connections, and event streams of HTTP/2, that have ended, and why."
    ) {
      family in
      for transport in Transport.allCases {
        for cause in CloseCause.allCases {
          let count = disconnects[transport, cause]
          if count > 0 {
            family.sample(["transport": transport.name, "reason": cause.rawValue], Double(count))
          }
        }
      }
    }
    family("tidings_requests_total", .counter, "HTTP requests answered or begun to be.") {
      $0.sample([:], sum(\.requests))
    }
    family("tidings_subscriptions_inflight", .gauge, "Subscriptions open now.") {
      $0.sample([:], sum { UInt64($0.hub.subscriptions) })
    }
    family("tidings_filters_inflight", .gauge, "Different filters among them, on each loop.") {
      $0.sample([:], sum { UInt64($0.groups) })
    }
    family(
      "tidings_compression_groups_inflight", .gauge,
      "Groups of subscriptions that are compressed once for all members, on each loop."
    ) { $0.sample([:], sum { UInt64($0.compressionGroups) }) }
    family("tidings_compression_members_inflight", .gauge, "Subscriptions in them.") {
      $0.sample([:], sum { UInt64($0.compressionMembers) })
    }
    family("tidings_compression_input_bytes_total", .counter, "Bytes compressed for groups.") {
      $0.sample([:], sum(\.textBytes))
    }
    family("tidings_compression_output_bytes_total", .counter, "Bytes that became of them.") {
      $0.sample([:], sum(\.compressedBytes))
    }
    family("tidings_slow_clients", .gauge, "Clients with changes they have not taken yet.") {
      $0.sample([:], sum { UInt64($0.slowClients) })
    }
    family("tidings_pending_records", .gauge, "Journal records between clients and the head.") {
      $0.sample([:], sum(\.pendingRecords))
    }
    family("tidings_waiting_bytes", .gauge, "Bytes held for sockets that do not take them.") {
      $0.sample([:], sum { UInt64($0.waitingBytes) })
    }
    family("tidings_resets_total", .counter, "Resets said to clients that had missed something.") {
      family in
      for reason in ResetReason.allCases {
        let count = loops.reduce(0) { $0 + ($1.resets[reason] ?? 0) }
        if count > 0 { family.sample(["reason": reason.name], Double(count)) }
      }
    }
    family("tidings_overflow_closes_total", .counter, "Subscriptions closed for falling behind.") {
      $0.sample([:], sum(\.hub.overflowCloses))
    }
    family("tidings_coalesced_records_total", .counter, "Journal records kept for slow clients.") {
      $0.sample([:], sum(\.hub.recordsCoalesced))
    }
    family("tidings_events_encoded_total", .counter, "Events written out; the rest were copied.") {
      $0.sample([:], sum(\.hub.eventsEncoded))
    }
    family("tidings_events_sent_total", .counter, "Events given to clients.") {
      $0.sample([:], sum(\.hub.eventsSent))
    }
    family("tidings_bytes_sent_total", .counter, "Bytes taken by sockets.") { family in
      for transport in Transport.allCases {
        family.sample(
          ["transport": transport.name], Double(traffic.bytesSent[transport.rawValue]))
      }
    }
    family("tidings_send_syscalls_total", .counter, "Calls of send and sendfile.") {
      $0.sample([:], Double(traffic.sends))
    }
    histogram(
      "tidings_event_lag_seconds",
      "From the kernel's record to the socket that takes its event; the oldest change of each send.",
      bounds: LagHistogram.bounds, counts: traffic.lag.counts, sum: traffic.lag.sum)
  }

  fileprivate mutating func describe(_ journal: HubStatistics, _ bounds: HistoryBounds) {
    family("tidings_history_records", .gauge, "Changes kept for clients that resume.") {
      $0.sample([:], Double(journal.records))
    }
    family("tidings_history_bytes", .gauge, "Bytes they take.") {
      $0.sample([:], Double(journal.bytes))
    }
    family("tidings_history_capacity", .gauge, "Changes kept at most (--history).") {
      $0.sample([:], Double(bounds.records))
    }
    family("tidings_history_capacity_bytes", .gauge, "Bytes kept at most (--history).") {
      $0.sample([:], Double(bounds.bytes))
    }
    family("tidings_history_oldest_age_seconds", .gauge, "Age of the oldest change kept.") {
      let age = journal.oldestTime.map { max(0, Clock.realtime() - $0) } ?? 0
      $0.sample([:], Double(age) / 1e9)
    }
    family("tidings_history_evicted_total", .counter, "Changes dropped to keep within bounds.") {
      $0.sample([:], Double(journal.recordsEvicted))
    }
    family(
      "tidings_history_records_total", .counter, "Changes recorded in this life of the journal."
    ) {
      $0.sample([:], Double(journal.head))
    }
  }

  fileprivate mutating func describe(_ watches: [WatchStatus]) {
    let states: [WatchState] = [.starting, .crawling, .live, .degraded, .failed, .gone]
    family("tidings_watches", .gauge, "Watches, by what becomes of them.") { family in
      for state in states {
        family.sample(
          ["state": state.name], Double(watches.count { $0.state == state }))
      }
    }
    family("tidings_kernel_watches", .gauge, "inotify watches or fanotify marks in use.") {
      $0.sample([:], Double(watches.reduce(0) { $0 + $1.kernelWatches }))
    }
    let counters: [(String, String, (WatchStatus.Counters) -> UInt64)] = [
      ("tidings_kernel_events_total", "Records of the kernel.", \.events),
      ("tidings_changes_total", "Changes made of them.", \.changes),
      ("tidings_kernel_overflows_total", "Times the kernel's queue lost records.", \.overflows),
      ("tidings_rescans_total", "Times a tree was compared with the disk.", \.rescans),
    ]
    for (name, help, count) in counters {
      family(name, .counter, help) { family in
        for watch in watches {
          family.sample(["watch": watch.id], Double(count(watch.counters)))
        }
      }
    }
  }

  fileprivate mutating func describe(_ process: ProcessUsage) {
    family("process_cpu_seconds_total", .counter, "Time of all threads, user and system.") {
      $0.sample([:], process.cpuSeconds)
    }
    family("process_resident_memory_bytes", .gauge, "Memory held in RAM.") {
      $0.sample([:], Double(process.residentBytes))
    }
    family("process_virtual_memory_bytes", .gauge, "Address space.") {
      $0.sample([:], Double(process.virtualBytes))
    }
    family("process_open_fds", .gauge, "File descriptors open.") {
      $0.sample([:], Double(process.openDescriptors))
    }
    family("process_max_fds", .gauge, "File descriptors that may be open.") {
      $0.sample([:], Double(process.maximumDescriptors))
    }
    family("process_start_time_seconds", .gauge, "When the process began, since 1970.") {
      $0.sample([:], process.startedAt)
    }
  }
}
