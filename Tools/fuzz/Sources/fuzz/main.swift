import FuzzTargets

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ends the program with a sentence.
func fail(_ sentence: String) -> Never {
    let line = Array("fuzz: \(sentence)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    exit(2)
}

func target(named name: String) -> FuzzTarget {
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        fail("there is no target \(name); `fuzz list` names them")
    }
    return target
}

let arguments = CommandLine.arguments
switch (arguments.dropFirst().first, arguments.count) {
case ("list", 2):
    for target in FuzzTarget.all {
        print(target.name)
    }
case ("seeds", 4):
    // Writes the valid inputs of a target into a folder, for the fuzzer to start from.
    for (index, seed) in target(named: arguments[2]).seeds.enumerated() {
        let path = "\(arguments[3])/seed-\(index)"
        guard let file = fopen(path, "wb") else { fail("cannot write \(path)") }
        fwrite(seed, 1, seed.count, file)
        fclose(file)
    }
case ("run", 3...):
    let chosen = target(named: arguments[2])
    guard let code = Driver.run(chosen, arguments: [arguments[0]] + arguments.dropFirst(3)) else {
        fail("built without libFuzzer; use Tools/fuzz/run")
    }
    exit(code)
default:
    fail("usage: fuzz list | fuzz seeds TARGET FOLDER | fuzz run TARGET [libFuzzer's arguments]")
}
