/** Certificates that tests make. */
import selfsigned from 'selfsigned'
import type { Certificate, CertificateSource } from '../../../src/http/connection/secure-server.ts'

/** Makes a self-signed certificate for localhost and 127.0.0.1. */
export async function makeCertificate(commonName = 'localhost'): Promise<Certificate> {
  const { cert, private: key } = await selfsigned.generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' }
        ]
      }
    ]
  })
  return { cert, key }
}

/** A certificate source whose certificate a test can replace. */
export function replaceable(first: Certificate): CertificateSource & { replace(next: Certificate): void } {
  let current = first
  const listeners: ((certificate: Certificate) => void)[] = []
  return {
    current: () => current,
    onChange: (listener) => void listeners.push(listener),
    close() {},
    replace(next) {
      current = next
      for (const listener of listeners) listener(next)
    }
  }
}
