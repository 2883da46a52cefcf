/** The certificate that the settings ask for. */
import os from 'node:os'
import { ConfigError } from '../config/config-error.ts'
import type { TlsConfig } from '../config/network.ts'
import type { CertificateSource } from '../http/connection/secure-server.ts'
import { openCertificateFiles } from './certificate-files.ts'
import { openSelfSigned } from './self-signed-certificate.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1']

/**
 * Undefined when the connections are not to be protected.
 * @param onTrouble called with the error if a certificate cannot be replaced; the former one stays in use
 * @throws ConfigError when the operator's files cannot be used, or there is no place for a certificate
 */
export async function openCertificates(
  tls: TlsConfig,
  onError: (error: unknown) => void
): Promise<CertificateSource | undefined> {
  if (tls.mode === 'off') return undefined
  if (tls.mode === 'self-signed') {
    const options = {
      names: [...LOOPBACK_NAMES, ...tls.names],
      presentNames: ownNames(),
      onError,
      now: () => new Date()
    }
    return openSelfSigned({ directory: tls.directory, ...options }).catch((cause) => {
      const what = `The certificate cannot be kept in ${tls.directory}: ${(cause as Error).message}.`
      throw new ConfigError(what, { cause })
    })
  }
  try {
    return openCertificateFiles({ ...tls, onError })
  } catch (cause) {
    const what = `FIXDEPOT_TLS_CERT and FIXDEPOT_TLS_KEY cannot be used: ${(cause as Error).message}.`
    throw new ConfigError(what, { cause })
  }
}

/** Under which clients may know this machine. Addresses that only count on one link are left out. */
function ownNames(): string[] {
  const addresses = Object.values(os.networkInterfaces()).flatMap((all) => all ?? [])
  const usable = addresses.filter(({ address }) => !address.toLowerCase().startsWith('fe80:'))
  const hostName = os.hostname()
  const isName = /^[A-Za-z0-9.-]+$/.test(hostName)
  return [...(isName ? [hostName] : []), ...usable.map(({ address }) => address)]
}
