/** A depot behind TLS, as clients of the appliance know it: they take whatever certificate it has. */
import type { Test } from 'tap'
import { openTestDepot, type TestDepot } from '../helpers/app.ts'
import { makeCertificate, replaceable } from '../helpers/certificates.ts'
import type { Files } from '../helpers/packages.ts'

const certificate = await makeCertificate()

export function openTlsDepot(t: Test, files: Files): Promise<TestDepot> {
  return openTestDepot(t, files, {}, replaceable(certificate))
}
