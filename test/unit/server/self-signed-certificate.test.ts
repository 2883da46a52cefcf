import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import t, { type Test } from 'tap'
import { openSelfSigned } from '../../../src/server/self-signed-certificate.ts'

const NAMES = ['localhost', '127.0.0.1', '::1', 'depot.lab.example', '192.0.2.7']
const DAY_MS = 86_400_000
const START = Date.parse('2026-04-05T06:07:08Z')

async function open(
  t: Test,
  directory: string,
  { names = NAMES, presentNames = [] as readonly string[], time = START } = {}
) {
  const onError = (error: unknown) => t.fail(String(error))
  const source = await openSelfSigned({ directory, names, presentNames, onError, now: () => new Date(time) })
  t.teardown(() => source.close())
  return source.current()
}

t.test('a certificate is made for all names, with a key that fits and that nobody else can read', async (t) => {
  const directory = path.join(t.testdir(), 'tls')
  const certificate = await open(t, directory)
  createSecureContext(certificate)
  const x509 = new X509Certificate(certificate.cert)
  for (const name of ['localhost', 'depot.lab.example']) t.equal(x509.checkHost(name), name)
  for (const address of ['127.0.0.1', '::1', '192.0.2.7']) t.equal(x509.checkIP(address), address)
  t.equal(x509.checkHost('another.example'), undefined)
  t.notOk(x509.ca)
  t.ok(x509.verify(x509.publicKey), 'signed by itself')
  t.equal(x509.validToDate.getTime(), START + 365 * DAY_MS)
  t.equal(fs.statSync(path.join(directory, 'key.pem')).mode & 0o777, 0o600)
  t.equal(fs.readFileSync(path.join(directory, 'certificate.pem'), 'utf8'), certificate.cert)
})

t.test('it is kept: the next start shows the same one', async (t) => {
  const directory = t.testdir()
  const certificate = await open(t, directory)
  t.same(await open(t, directory, { time: START + 300 * DAY_MS }), certificate)
  t.same(
    await open(t, directory, { names: ['localhost'] }),
    certificate,
    'also where it has more names than are needed'
  )
})

for (const [when, change] of [
  ['it expires within a month', { time: START + 336 * DAY_MS }],
  ['it has expired', { time: START + 400 * DAY_MS }],
  ['it is of the future', { time: START - 10 * DAY_MS }],
  ['a name is missing in it', { names: [...NAMES, 'new.example'] }]
] as const) {
  t.test(`a new one is made when ${when}`, async (t) => {
    const directory = t.testdir()
    const former = await open(t, directory)
    const next = await open(t, directory, { ...change, names: [...('names' in change ? change.names : NAMES)] })
    t.not(next.cert, former.cert)
    createSecureContext(next)
  })
}

t.test('what is damaged or missing is made anew', async (t) => {
  for (const damage of [
    (directory: string) => fs.writeFileSync(path.join(directory, 'certificate.pem'), 'no certificate'),
    (directory: string) => fs.rmSync(path.join(directory, 'certificate.pem')),
    (directory: string) => fs.writeFileSync(path.join(directory, 'key.pem'), '')
  ]) {
    const directory = fs.mkdtempSync(path.join(t.testdir({ all: {} }), 'all', 'tls-'))
    await open(t, directory)
    damage(directory)
    createSecureContext(await open(t, directory))
  }
})

t.test('names that the machine has are in a new one, and a machine that has others keeps the old one', async (t) => {
  const directory = t.testdir()
  const certificate = await open(t, directory, { presentNames: ['vm1', '192.0.2.99', 'localhost'] })
  const x509 = new X509Certificate(certificate.cert)
  t.match([x509.checkHost('vm1'), x509.checkIP('192.0.2.99')], ['vm1', '192.0.2.99'])
  t.same(await open(t, directory, { presentNames: ['vm2', '192.0.2.98'] }), certificate)
})
