import Foundation

/// Keys and signatures made by OpenSSL 3, of the kinds that a node here only checks. All signatures are over SHA-256 of the text
/// `what was signed`.
enum ForeignKeys {
    static let message = Array("what was signed".utf8)

    /// An RSA key of 1,024 bits, PKIX.
    static let rsa1024 = decode(
        """
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC74n1jfFXv8+p4iJZVi+/kla1uO48LREAermJJ3ZvVBaWoaJC/brzUt+0bQsvH
        9vtHYqjLGzQzsetL/J9EE20n94ucH59UcyYxavn6QRFtcq8Drah2uQ0XyUzTRls3F1ubPnrsWgsISzKPrjh7KpTdoIHOuag0b67f
        qQnBZp527wIDAQAB
        """)

    /// By `rsa1024`, PKCS #1 v1.5.
    static let rsa1024Signature = decode(
        """
        OBA7ngZFQ/IfVQMDYTDj2vnIkpbJRbu0CZcCH9vHpa00GqWM8F16U6osq0QUiM0x/DDBsNYR8EDAvopKizjkZ2/+PDStV7iPdB+g
        jlieF2VkRotc02lFTBBuCPV2lJgPBBholy9CIurOQuwMxEnap/tawkNTZuxj0Pt/kzGfRB4=
        """)

    /// An RSA key of 2,048 bits, PKIX.
    static let rsa2048 = decode(
        """
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6zufyzlhIszGWFX+Yp6m2Npd9lYd6QtfRtVuy5DA4bnGzbE9e5lO0wVV
        s9apssbLwR+Bxy6H8FgXk6xXkElF4/qm9JXp9aeShP3+QXOtLjvAVDYlafbjx2DeLkaw4L7slawy/MSqXG7FuZTbtJ8763RK63er
        7r8ZaqyPD6eD59Wiq+qB7946wHLNm0Bh33k5BJk0u/uolJXGmXxOWbSnakJTlLRd3MEY82AVhDISTb7rWuRQPndkJdfDyC06orel
        CN5cI/AS2gdd7FO93ItvdSwpns0rbCQcZsXYsY3NnB9cT01b+XLIqy+n0alew5Ot8Tr52KPeURNx9qPfVOTA6QIDAQAB
        """)

    /// By `rsa2048`, PKCS #1 v1.5.
    static let rsa2048Signature = decode(
        """
        X6Q6almVN3fuAd53npuxd8ItVeJztqLfbOCu5d6110qceRtb6sHHS9U7bUufn8HeytS56+fB1zWNJ9eNUhG3nQrRKts9AbLml+3h
        2kdXl7YrdUAsDYr9KQM5vAUl3e80X+sxqn2xHP1g9SWM+LCr7d6LTAqfHB8+TLgV7cIOxvCI6hP5Z8biYs8kF+BUlNbrWngkEy+4
        CO0sLYnxoeGp8yrBlklX6XO5COvyiDG5ebqgGtsxRT0YEAq9PJTdQRtTNU5WNQhR0mFRLmICLmnKdF8X6xwZRTZGh2g0PZzqLOzA
        3jlPynYk3OkfbIbSobi4T5gNQNEO3odtN+6aQd2w4g==
        """)

    /// The same key in the bare form of PKCS #1.
    static let rsa2048PKCS1 = decode(
        """
        MIIBCgKCAQEA6zufyzlhIszGWFX+Yp6m2Npd9lYd6QtfRtVuy5DA4bnGzbE9e5lO0wVVs9apssbLwR+Bxy6H8FgXk6xXkElF4/qm
        9JXp9aeShP3+QXOtLjvAVDYlafbjx2DeLkaw4L7slawy/MSqXG7FuZTbtJ8763RK63er7r8ZaqyPD6eD59Wiq+qB7946wHLNm0Bh
        33k5BJk0u/uolJXGmXxOWbSnakJTlLRd3MEY82AVhDISTb7rWuRQPndkJdfDyC06orelCN5cI/AS2gdd7FO93ItvdSwpns0rbCQc
        ZsXYsY3NnB9cT01b+XLIqy+n0alew5Ot8Tr52KPeURNx9qPfVOTA6QIDAQAB
        """)

    /// The private half of `rsa2048`, PKCS #1. It guards nothing.
    static let rsa2048Private = decode(
        """
        MIIEpAIBAAKCAQEA6zufyzlhIszGWFX+Yp6m2Npd9lYd6QtfRtVuy5DA4bnGzbE9e5lO0wVVs9apssbLwR+Bxy6H8FgXk6xXkElF
        4/qm9JXp9aeShP3+QXOtLjvAVDYlafbjx2DeLkaw4L7slawy/MSqXG7FuZTbtJ8763RK63er7r8ZaqyPD6eD59Wiq+qB7946wHLN
        m0Bh33k5BJk0u/uolJXGmXxOWbSnakJTlLRd3MEY82AVhDISTb7rWuRQPndkJdfDyC06orelCN5cI/AS2gdd7FO93ItvdSwpns0r
        bCQcZsXYsY3NnB9cT01b+XLIqy+n0alew5Ot8Tr52KPeURNx9qPfVOTA6QIDAQABAoIBACUGFml7F4HNry46IrbM97/L5twdw8lp
        Q863Sx/5IZKlldfMHLw2bgSio1GR6NW9mlZEKj36YeT/SH6ysnmAPuLaEasPaWqDvHj4LSuKFGjheK0IdK0P8dvwsCeicrZ89mm8
        V64XGiVAPhiuiEIOifTOMfiLtmD2bP6wODgjioxTc2z0hXqDQV22Yj/9CksS2FJMmcVesaLU4uDFreKzjzZlvEUBNLzSWxF6VpN6
        BwHeyPoXczXrT8+Vz7+3hv5D8SQq6XSp2mtU3XivmQD9obPDdf1cORbC8OiNrbby+hk0DJpdhFoWCrmPf6kIaq+DDVI1dXvlbmeG
        ZLvucuX+b60CgYEA+IPmLgOudJPcaqvcyBdgOAXVCfvnH3rZcfz5hI/GawmyOTHbVS/QG4IQIW2HxBPTbGPulr8MoITm9QKjdV5S
        KAj3cCcS3WZbqCXy04PYOE8ih8YtA4dSJDw4FPo8pesvNBQuKVvpa7jO2ius01uZZCwDZnlspKK1hYTEyWru/CsCgYEA8lFQ1Obu
        h67D524tnTQnHZtlYmsXUKadozgbenwwWo6m0exg64nL47XTSkltqaJijYLf2iyV7gVQn2FqInCfxrT/0ug1KZvk3w8LbKCoOoOZ
        KYHOYYwFFAy1K1EMe1lTfAgkaqPUpDW0VgLnbmU6uG2p8hgjcA8Wqf+UNpapaTsCgYEAnHb+/02WExPdHNQj517AV8VkQir1c153
        dUsfFhUnidDLAzOesl2uGwOigEljx1HsNTwdxY93tcC3YN9OZuEBvO8YSuZu/DIr1ww9fGpwQdOhG/br9GLIlsPLU3nRoW0XhSSH
        g8a4ifgLVFVXNKNhSi5j3arpeiZvPyc+dsn6uY0CgYEAwvQnO1Mcf69cz/q12i+WdNyMQhV06Z9TXnkKqo31/TWeA3DRPU9c6bRk
        7PSMtRj/f2jXHtoWOiyug7xFPrYr5hvDYvUNqI9TIR8iit/q2UD9Xgage5zCjTH4JISNrUPdxgFrAx0SPJc0oqqtdgUdrDoWq789
        669IBbepkA3A+PcCgYBHWjC/xVqiqKPcrgrJ8GAVVXb2MmXA+/j+S2qs1EMEzkN+KyhexgJ0b14TJ99DX5CqMUuTIbTm7DNwI0aT
        mxKUYEK10qBDntE8+HSHF1omiYLPd2ThT8fB9lje86SZPM3aPGfoiqOfD7tAyECVRpe+7jbUiiMmIGdXwGAeojIK4A==
        """)

    /// An RSA key of 8,192 bits, PKIX.
    static let rsa8192 = decode(
        """
        MIIEIjANBgkqhkiG9w0BAQEFAAOCBA8AMIIECgKCBAEAte3yM8/aHVWzG5lWUD55ZLX0Ndl7toQXpEPJkURd5hkRo48MCcxnChvO
        gCtsHizJI5QDra+jaw3J59KOT80dhoNWc5fBcmTSh6UgW9hEr/e6IIHAzjURw5WsutiEMov24VXM4cNYhR8aHA4r9GOcmpt54ZTO
        VhQ/DWg2f+2bNDvVRbeO7yOsx9a5eqJgN58umZ1ah+YtYfVEgDCwV1NxN91uucb3gws0qThzT5H9HATqs4+za3kkOw0Tl3d6p+GY
        B/wTya6Mo4gyDvoeoVMBMIdkY0DmWAPBRZfWjSCFGNyKW4Jp2xOFl+QVV4k8wv9LmwUDKQE425+tgALyWtf9gLl8x0letlbrbmgN
        QUyIsr4rLh0Op2xcntz5bRoF6jio+u6Tae7qeeqw1DYPkSiqJkuz4OS2ZUxBpswmLBJiu750zzRXDw6htFU9idzIuZm8GMzxf+Lx
        Oq9kLvJeOrI+b6km0XWxOE/sXfWvcViQaEvg/fI495YRQZ5Easu/LV4bUaUKKO6lNpcRcV6nu73mzq8fpcZR6Y3bphlQEKZ2ccSn
        5LnCyB3i15QJmuCSx3EwfruYkz5iyIU6NGc/IxVeaum2QyiJomuqbFhA5y8LVk+06Ceytm7phg5WUsNikZUF2SnpsiuIO4sIChXb
        T4+uIIWPNPqJ/2DmhPRDhQ0tPLp+naOTcxRZ6gM9+m4FIU+WFvtcNSGWcYkyA4VSiPuPPYapZQknhX3k1hjW+lxcNsRXa928tG5W
        m6MB1ur8sj8IGcDpwHMdGhiwxbLziCZ3oMGMaipfTXgSu/Eguk7EiuTcCAHLnYalW4BucLeT34yPV8UXNw4RBkqceGBsSKVpDy7V
        i2m7P4B5MUAcXpVWwaW2Lro+un/EUtvcw+RdakepZN7xJCcOecy/xIVJZ9vFcVxuRnL5UKrbRmvFvzt4gHALSQvnCvbzpMtdONT/
        K5PJMLiidu1G3OWaHscC1XhjdUtWduZTHy12l7jNOamydCTRVjnhID/CXOZ45QSoEpV7ww6NYyv+mRFYr6PUsSJi7g6rkSZ1o1n8
        QXaZf+fc1L2sMc9JIx3gpbdnMvq/vxCQuPAktmjnEssUb5Kf9/firrWuw+xHJAadb4WAvIj/dCKKTdFQEbbPLrRmfK2cgfF3QSfq
        jsgAaVbHgS7hmgt3KV8T/jwx2a5dclK8VtV08PwP1IXUfYIXzDM6bf0bDBdIZq+3RKTPBO1fwoL30c9TaJ184Qk7AUEFYxwD3h6b
        wx8Qb5eyrsW9iYdJQldoKbBvfgfyUSfKoMmPycAlfVkeu+nDzl1id2tBeS2KIeZdwYvBKmXVbF0Bnaafe3A5nTUxjkHmNPbCEa/Y
        bCGuPaNQjQIDAQAB
        """)

    /// By `rsa8192`, PKCS #1 v1.5.
    static let rsa8192Signature = decode(
        """
        XytwerRe2rmsx/gIw1t0GFktMttact9DZYwqvaXWhPkEus7lz9q3Dvqq5ws7cIWtT30jAC0tWdFjCVFGHOV0sk3i6BihNlxWYhRG
        /6LQ0LbuHRLr0HKzmSXGvtxnGHPufV9ZCSRV6m2t9J81hwSLkRMYnr8sWIvarLtIDOMz6Y9XmtSlezM2Oame6Mn5EwFYfy6QR3Nc
        yFej334/axgH0sS6d8aqQCuqzcYRNNts7qps6bNtnJzIeTU6IwpzEA2ogwvbbC6mRr/Ny93j0DNoNl/sdNiHqMvOB32WHpIXdZis
        r9BUeFSjYZqfHbNBwZH1xOBBPkg0zTefdi1Nt11A0Yi7BlOurg0i6nefwtQB0w2AnV814tahSIolenWdpKmKIZQR7wUp48nol1xT
        OAw55SV5lex0K7ZXIObf9tlTfJt7Ah70DCQWP8uroZHccfB83EFyUYgeZsGtobYsUrKxDKzJpvFFZEJ4v9mpaY/nD8Po34JwsFoE
        Z1jpklqGrIuhtRnSPEwlcKcFWArZV76+CyhMr/GL0bRbNQEa+erTomT9f588yb6KSLf+e3YgtvVyTkcKLFkEfETGmb1B0m9XETik
        wq8j+uzMC25NNixpkEHqIFKJ4BaOh71Fi3Z00r4bQV89+PCIfgS3+81mpGVGq/i+Hn03VtKgOPOYn/RaiTSY5wJZ6gh7oCJxH7fs
        muBzLlXZ681aVTgxHBeVKfGdWMShfTVKh608Zsq4kw6Or7vIonUvzdYz+E4IdO+XL44VjWfrhAr8IFCSWEj/nTVVzjh1lWUHf+DR
        bFE+BBYZAQmswFjhuM7TOzBpOckO9SZPldN9y1UuumPzx212SeFkOR4IaPaGb1hiSCajgJtSgMdyDSjIqMx0SVm0OAAHSsl8tjW+
        grPiGe2aTiFAuUpJxe7oqY/scJRZBdzggSa3WSMl5bGoGhu0fFdXM3kCX1qgQI/7m10mX/7LQjUpepCumzIjtlBbdZhkbGeBvnhF
        JmHzsvcKaRT3GSeLQ7iPlnR1dpQqGdD0oBdEIKie6vzUL4PsyVtjgsCbHgpI6ADuHMBI5QakknbDDyGLQE6tCTPfMzuq8PgtUUxh
        n1q3jYWguo0EEf7SmuNSfBYM4baguc4kK8iDzr89h3/1+ms5uu48ogTAoG3PgrpExQWlXjKef24A2f5ld7/J+CXKx1m2yRNTBy6k
        RDSasHoWiZNMUnEU5an4vNZuHm+E3USS2bCiSajcXtD+mebtR4bLSMFVweBeetDVCGNy5Oh6FjELCZgQJz5JGYE4RVBFlr7Nvg1h
        FeLYVJGyTKgCYJD1GkbCwiw9sr67bDdSkRfPzMhCGjYOEDebi51NjgwCM2bu6Ak4Hg==
        """)

    /// An RSA key of 8,200 bits, PKIX.
    static let rsa8200 = decode(
        """
        MIIEIzANBgkqhkiG9w0BAQEFAAOCBBAAMIIECwKCBAIAwt5NL+tZycKoJ6ObtZBZOB6R5tK+TTy2UJudBlxclLkBeZ16xZuKTe7l
        M/7gJ8Spq9aO8nQpbGKv+iWNXX5vgfFTrpqux0a7U1Kd15AciH9Yzsqzeos4e2dqNKxdsPaqCZqUMHVgc340/oVrZLmQ3NhWR94E
        ObrtMMpJvcMSmC6eqnIM6jmMH+W8rjj/kng09TVzXOoOdUtdJr/FQaO33NaB7pswoo1AQzfY4OhFaF2ftebnBh6WNS8WogkLtXXV
        Tx7rDaNLdYyjpeoP0fvyYoqJRnfUyk+8bX2ReFr4hGDTYWXRBJPl8Z9QU1cKi8DnbIg1ahWwoA8saVN8nS5IhVYfky4uY/ui5fSX
        jZcf0psi0+Ydjqr3ci/ajx01K5/6Jwi7Vw8VQJyc8A91yT9iOjGlQWC+xcZxUBuomNhGd0hz1aolbQ0kOT+TAhYwYcCcIea3V/uz
        OAF3M+FOho1VGeyH40SoRTJuiRzICitivgNOHQXj2Zxxif+itlvujHR6+SNruUgJQDJtyHSKKEa4MAZNFDo+Kdwz1XplJG4/RS5O
        bMCC3oSSCl14kI5DS0+3xrRbUPmStPFXi3oGlWpPALj3wAiVwZ/jIt7V7fUOtZLuQcJg5Iexuw7Di9XZE7Xxq9WkpiAVwMkLBexg
        rGLiWxmEMEVESDj9cnVyCAvjGb1cd9sH+bplLUr7zl8EYtFYqv1uNlDZIz0GeM4QcErZt5LLLfobitkPR+devC+4IN30RbBdRt/+
        eRTNEZ0nbvyVGjEL+8vzCeywj9Vx6XQg0yHY4fati6O7MypL7tCcyfg6uY2JiaFRLNijzY+cHz8XHOpMcgV8CPmCzx+CFZCzAwvS
        6tfjTa3pcHV4fBz5rA1aWw8nMyRYlayjIxHr0sqerTINqaFPetGTroOFyiHmOtUj+d0ibHETOGaaIfZq/JDOwlIR2KGc9ICosnFg
        wp4dGVfBdssKedG/SXvx1D6Yrne/k5yC/mPY0J5/MGRk7S3DCsmH1zeFVjFntGBANa1+Yor0jaVhjdOui1H0Qeer4sJXK2oop9tE
        4KyyNQhpYqIqU7I+Jos1atTqnQzeHGhm1Q3CbthJdUd1kpS/+QMP5RsRFzUHCOjZ4FC8R1aUGk3mxyUshZY3EWhzwIdWbYjNd1Vx
        wHnCbxzejDsjbGIZVBo5wkmOrJ2dYdMRWPJgeki/GUeGlbNWdDhr/TNVEoKFEvw3ho5bcy32YJFRsKHw4WLxt0U3G+tti9+oMatM
        8OV9rBt1uz8/uKbicdDJaJJ1YKORTh6MYqZvzeL++kd6z14eBb3MUWIFvjFmMS49lg9Fu2g5JfC/2p39ABS0mHfhxPz96rOLtI/f
        g6u4VGLw5AcCAwEAAQ==
        """)

    /// A P-256 key, PKIX.
    static let p256 = decode(
        """
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+tkaJ3BRC+yi9NQ9S7BBOgcM2cjz16Zd51troO5aimiKQ3N0agV/IAsALtxnLQM+
        ssT8oeWObQdXjbVUgIBNfA==
        """)

    /// By `p256`, DER.
    static let p256Signature = decode(
        """
        MEQCIBGMD8ToxhXhcmSwaAf9MBc8WbWrGPtNl1aZrcsDXLTaAiBwzgVI11Ezc1JS/nm0H/pFTKUImIswi67LQNPa7gGRuw==
        """)

    /// A P-384 key, PKIX.
    static let p384 = decode(
        """
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsaBiP9zBPqyxyZygIZ2l6/e1Oa4WjlQq5TjEZSJBdQaoJeFU8TSHE2u58dAjcHMMCkgC
        +33S/N3OGG44b7uvZMwXAKVgSvdy/wM3wbXTNgSzqeo4qvN+RgaxwIqxKY+m
        """)

    private static func decode(_ text: String) -> [UInt8] {
        Data(base64Encoded: text, options: .ignoreUnknownCharacters).map(Array.init) ?? []
    }
}
