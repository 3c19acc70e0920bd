import NIOCore
import PeerTransport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Turns errors of the system and of NIO into ones that say what to do.
enum SystemError {
    /// Why a connection to `target` failed.
    static func connecting(to target: String, _ error: any Error) -> TransportError {
        if let error = error as? TransportError { return error }
        if case .connectTimeout(let limit)? = error as? ChannelError {
            return TransportError(
                .timedOut, "connecting to \(target) took longer than \(Duration.nanoseconds(limit.nanoseconds))")
        }
        guard let code = (error as? IOError)?.errnoCode else {
            return TransportError(.systemFailure, "connecting to \(target) failed", underlying: Self.text(error))
        }
        switch code {
        case ECONNREFUSED:
            return TransportError(
                .connectionRefused, "nobody listens at \(target)", underlying: Self.text(error))
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN:
            return TransportError(.unreachable, "no route leads to \(target)", underlying: Self.text(error))
        case ETIMEDOUT:
            return TransportError(.timedOut, "\(target) did not answer", underlying: Self.text(error))
        case EMFILE, ENFILE:
            return TransportError(
                .limitExceeded, "connecting to \(target) failed: too many open files", underlying: Self.text(error))
        default:
            return TransportError(.systemFailure, "connecting to \(target) failed", underlying: Self.text(error))
        }
    }

    /// Why listening at `target` failed.
    static func listening(at target: String, _ error: any Error) -> TransportError {
        if let error = error as? TransportError { return error }
        guard let code = (error as? IOError)?.errnoCode else {
            return TransportError(.systemFailure, "listening at \(target) failed", underlying: Self.text(error))
        }
        switch code {
        case EADDRINUSE:
            return TransportError(
                .addressInUse, "\(target) is in use by another program: choose another port, or 0 for any free one",
                underlying: Self.text(error))
        case EADDRNOTAVAIL:
            return TransportError(
                .addressNotAvailable, "\(target) is not an address of this machine", underlying: Self.text(error))
        case EACCES, EPERM:
            return TransportError(
                .addressNotAvailable, "no right to listen at \(target): ports below 1024 need one",
                underlying: Self.text(error))
        default:
            return TransportError(.systemFailure, "listening at \(target) failed", underlying: Self.text(error))
        }
    }

    /// Why no connection could be accepted for now.
    static func accepting(_ error: any Error) -> TransportError {
        TransportError(
            .limitExceeded, "no connection can be accepted: too many open files, or too little memory",
            underlying: Self.text(error))
    }

    /// The text of an error below; of an error of the system in its own words, not with the call that NIO made.
    static func text(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }
}
