/** The operator's own certificate, read again when its files change. */
import fs from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Certificate, CertificateSource } from '../http/connection/secure-server.ts'

export interface CertificateFiles {
  /** PEM, with the certificates between it and its authority behind it. */
  readonly certFile: string
  /** PEM, without a passphrase. */
  readonly keyFile: string
  /** Called if changed files cannot be used; the former certificate stays in use. */
  readonly onError: (error: unknown) => void
  readonly checkIntervalMs?: number
}

/** Tools that renew certificates replace links or files: asking for their times finds all of these, events do not. */
const CHECK_INTERVAL_MS = 10_000

/** @throws when the files cannot be read, or do not belong together */
export function openCertificateFiles(options: CertificateFiles): CertificateSource {
  const { onError, checkIntervalMs = CHECK_INTERVAL_MS } = options
  const listeners: ((certificate: Certificate) => void)[] = []
  let stamp = stampOf(options)
  let current = read(options)
  let wrong = ''

  function check(): void {
    const seen = stampOf(options)
    if (seen === stamp) return
    try {
      const next = read(options)
      stamp = seen
      current = next
    } catch (error) {
      // One of the two may not be written yet; a pair that stays wrong is reported once.
      if (seen !== wrong) onError(error)
      wrong = seen
      return
    }
    for (const listener of listeners) listener(current)
  }

  const timer = setInterval(check, checkIntervalMs).unref()
  return {
    current: () => current,
    onChange: (listener) => void listeners.push(listener),
    close: () => clearInterval(timer)
  }
}

function stampOf({ certFile, keyFile }: CertificateFiles): string {
  return [certFile, keyFile]
    .map((file) => {
      const stat = fs.statSync(file, { throwIfNoEntry: false })
      return stat === undefined ? '' : `${stat.ino}:${stat.mtimeMs}:${stat.size}`
    })
    .join(' ')
}

function read({ certFile, keyFile }: CertificateFiles): Certificate {
  const certificate = { cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') }
  // It throws where the two do not belong together.
  createSecureContext(certificate)
  return certificate
}
