import MuSig2Node
import Testing
