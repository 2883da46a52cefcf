/** The self-signed certificate of the server: stored in a directory, and replaced before it expires. */
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import type { Certificate, CertificateSource } from '../http/connection/secure-server.ts'

const DAY_MS = 86_400_000
const VALID_DAYS = 365
/** A clock that is behind must not find a certificate of tomorrow. */
const BACKDATED_DAYS = 1
const RENEWED_DAYS_BEFORE = 30
const CHECK_INTERVAL_MS = DAY_MS / 4

export interface SelfSignedOptions {
  /** Made if it is not there. */
  readonly directory: string
  /** Host names and addresses that it must have. */
  readonly names: readonly string[]
  /**
   * Further ones for a new certificate. When they change, the kept one stays in use, since clients trust it.
   */
  readonly presentNames: readonly string[]
  /** Called if the certificate cannot be renewed; the old one stays in use. */
  readonly onError: (error: unknown) => void
  readonly now: () => Date
}

/** The kept certificate, if it is for all of these names and still good for a while; else a new one. */
export async function openSelfSigned(options: SelfSignedOptions): Promise<CertificateSource> {
  const { directory, onError, now } = options
  const listeners: ((certificate: Certificate) => void)[] = []
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  let certificate = readKept(directory)
  if (certificate === undefined || !isGood(certificate, options)) certificate = await renew(options)
  let current = certificate

  async function check(): Promise<void> {
    if (isFresh(current, now())) return
    current = await renew(options)
    for (const listener of listeners) listener(current)
  }

  const timer = setInterval(() => check().catch(onError), CHECK_INTERVAL_MS).unref()
  return {
    current: () => current,
    onChange: (listener) => void listeners.push(listener),
    close: () => clearInterval(timer)
  }
}

/** Undefined when there is none that can be used. */
function readKept(directory: string): Certificate | undefined {
  const [cert, key] = ['certificate.pem', 'key.pem'].map((name) => {
    const file = path.join(directory, name)
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
  })
  return cert && key ? { cert, key } : undefined
}

function isGood(certificate: Certificate, { names, now }: SelfSignedOptions): boolean {
  try {
    const x509 = new X509Certificate(certificate.cert)
    const has = (name: string) => (net.isIP(name) ? x509.checkIP(name) : x509.checkHost(name)) !== undefined
    return isFresh(certificate, now()) && names.every(has)
  } catch {
    // The file is damaged: it has no certificate.
    return false
  }
}

function isFresh({ cert }: Certificate, now: Date): boolean {
  const { validFromDate, validToDate } = new X509Certificate(cert)
  return validFromDate <= now && validToDate.getTime() - now.getTime() > RENEWED_DAYS_BEFORE * DAY_MS
}

async function renew({ directory, names: required, presentNames, now }: SelfSignedOptions): Promise<Certificate> {
  const names = [...new Set([...required, ...presentNames])]
  const time = now().getTime()
  // Once a year: what it loads would take 25 MB of memory all the time.
  const { default: selfsigned } = await import('selfsigned')
  const made = await selfsigned.generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(time - BACKDATED_DAYS * DAY_MS),
    notAfterDate: new Date(time + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (net.isIP(name) ? { type: 7, ip: name } : { type: 2, value: name }))
      }
    ]
  })
  // The key first: a certificate without its key would be taken for a pair with the former one.
  fs.rmSync(path.join(directory, 'certificate.pem'), { force: true })
  write(path.join(directory, 'key.pem'), made.private, 0o600)
  write(path.join(directory, 'certificate.pem'), made.cert, 0o644)
  return { cert: made.cert, key: made.private }
}

/** Whole under its name, or not at all. */
function write(file: string, text: string, mode: number): void {
  fs.rmSync(`${file}.new`, { force: true })
  fs.writeFileSync(`${file}.new`, text, { mode, flush: true })
  fs.renameSync(`${file}.new`, file)
}
