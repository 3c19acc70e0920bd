import Multiformats
import PeerTransport

/// What the observers of a node are still to be told, and the observers.
struct NoticeQueue {
    /// What observers are told, in this order.
    enum Notice {
        case connected(PeerID)
        case disconnected(PeerID)
        case replaced(PeerID)
        case identified(PeerID, PeerInformation, at: Multiaddr)
        case addresses([Multiaddr])
        case protocols([ProtocolID])
    }

    private var observers: [(id: UInt64, observer: any PeerObserver)] = []
    private var lastObserver: UInt64 = 0
    private var notices = Fifo<Notice>()
    /// Whether a thread delivers notices: only one does.
    private var isNotifying = false

    mutating func add(_ observer: any PeerObserver) -> UInt64 {
        lastObserver &+= 1
        observers.append((lastObserver, observer))
        return lastObserver
    }

    mutating func remove(_ id: UInt64) { observers.removeAll { $0.id == id } }

    mutating func append(_ notice: Notice) { notices.append(notice) }

    /// The first notice for a thread that comes to deliver; nil when another thread is at it, which takes the rest as well.
    mutating func begin(with handlers: [any ProtocolHandler]) -> (Notice, [any PeerObserver])? {
        isNotifying ? nil : next(with: handlers)
    }

    /// The next notice for the thread that delivers, and the observers to be told: the handlers come first. After nil another
    /// thread may begin.
    mutating func next(with handlers: [any ProtocolHandler]) -> (Notice, [any PeerObserver])? {
        let notice = notices.popFirst()
        isNotifying = notice != nil
        return notice.map { ($0, handlers + observers.map(\.observer)) }
    }
}
