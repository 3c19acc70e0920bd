/// One call of the machine: the time, and what it has come to so far.
struct Context {
    let now: Kademlia.Now
    var effects: [Kademlia.Effect] = []

    var time: Duration { now.monotonic }
}
