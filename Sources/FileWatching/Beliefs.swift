internal import FileEvents

/// Where clients believe things to be, as far as it is not where the tree has them. A plain value.
///
/// A node is in one of four ways with its clients: they believe it where it hangs (nothing is kept
/// of it), elsewhere (`places`), nowhere (its flag `untold`), or it is gone and they do not know
/// (flag `ghost`, and in `places`). A child believed in place has a directory that is believed to
/// be somewhere: whatever was told of a directory told of it too.
struct Beliefs {
  private(set) var places = NumberTable<Place>()
  private var occupants: [Place: NodeID] = [:]

  var isEmpty: Bool { places.isEmpty }

  subscript(node: NodeID) -> Place? { places[node] }

  /// Who is believed at `place` though it hangs elsewhere or is gone.
  func occupant(of place: Place) -> NodeID { occupants[place] ?? Node.none }

  mutating func set(_ node: NodeID, at place: Place) {
    places[node] = place
    occupants[place] = node
  }

  mutating func forget(_ node: NodeID) {
    guard let place = places.removeValue(forKey: node) else { return }
    if occupants[place] == node { occupants[place] = nil }
  }
}
