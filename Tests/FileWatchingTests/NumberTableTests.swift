import Testing

@testable import FileWatching

@Suite("A table by numbers")
struct NumberTableTests {
  @Test("it holds what a dictionary holds, whatever comes and goes")
  func likeADictionary() {
    var random = SeededGenerator(seed: RandomTests.seed)
    print("a table by numbers: TIDINGS_SEED=\(RandomTests.seed)")
    var table = NumberTable<Int>()
    var model: [UInt32: Int] = [:]
    for step in 0..<20_000 {
      // Few numbers at first, so that they meet; many at the end, so that the table grows.
      let key = UInt32.random(in: 0..<UInt32(64 + step / 8), using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        #expect(table.removeValue(forKey: key) == model.removeValue(forKey: key))
      case 1:
        table[key] = nil
        model[key] = nil
      default:
        table[key] = step
        model[key] = step
      }
      #expect(table[key] == model[key] && table.contains(key) == (model[key] != nil))
      #expect(table.count == model.count && table.isEmpty == model.isEmpty)
    }
    #expect(table.allKeys.sorted() == model.keys.sorted())
    #expect(model.allSatisfy { table[$0.key] == $0.value })
  }

  @Test("no key is found in the free slots, and an emptied table is one again")
  func empty() {
    var table = NumberTable<Int>()
    #expect(table[.max] == nil && !table.contains(.max) && table.removeValue(forKey: .max) == nil)
    for key in 0..<5_000 { table[UInt32(key)] = key }
    for key in 0..<5_000 { #expect(table.removeValue(forKey: UInt32(key)) == key) }
    #expect(table.isEmpty && table.allKeys.isEmpty)
    table[7] = 7
    table.removeAll()
    #expect(table.isEmpty && table[7] == nil)
  }
}
