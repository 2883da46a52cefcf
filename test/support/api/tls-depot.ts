/** A depot behind TLS, as clients of the appliance know it: they take whatever certificate it has. */
import type { Test } from 'tap'
import type { Files } from '../packages.ts'
import { makeCertificate, replaceable } from '../servers/certificates.ts'
import { openTestDepot, type TestDepot } from './app.ts'

const certificate = await makeCertificate()

export function openTlsDepot(t: Test, files: Files): Promise<TestDepot> {
  return openTestDepot(t, files, {}, replaceable(certificate))
}
