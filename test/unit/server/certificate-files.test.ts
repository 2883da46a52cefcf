import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Certificate } from '../../../src/http/connection/secure-server.ts'
import { openCertificateFiles } from '../../../src/server/certificate-files.ts'
import { makeCertificate } from '../../support/servers/certificates.ts'

const first = await makeCertificate('first')
const second = await makeCertificate('second')

function location(t: Test) {
  const directory = t.testdir()
  const files = { certFile: path.join(directory, 'cert.pem'), keyFile: path.join(directory, 'key.pem') }
  return {
    files,
    put({ cert, key }: Certificate) {
      fs.writeFileSync(files.certFile, cert)
      fs.writeFileSync(files.keyFile, key)
    }
  }
}

function open(t: Test, files: { certFile: string; keyFile: string }) {
  const errors: unknown[] = []
  const changed = Promise.withResolvers<Certificate>()
  const troubled = Promise.withResolvers<void>()
  const source = openCertificateFiles({
    ...files,
    checkIntervalMs: 5,
    onError(error) {
      errors.push(error)
      troubled.resolve()
    }
  })
  // Its own timer keeps nobody from ending.
  const awake = setInterval(() => {}, 1_000)
  t.teardown(() => {
    clearInterval(awake)
    source.close()
  })
  source.onChange(changed.resolve)
  return { source, errors, changed: changed.promise, troubled: troubled.promise }
}

t.test('files that were replaced are read again', async (t) => {
  const { files, put } = location(t)
  put(first)
  const { source, changed } = open(t, files)
  t.same(source.current(), first)
  put(second)
  t.same(await changed, second)
  t.same(source.current(), second)
})

t.test('a pair that does not belong together is told of, and the former goes on until it does', async (t) => {
  const { files, put } = location(t)
  put(first)
  const { source, changed, troubled, errors } = open(t, files)
  fs.writeFileSync(files.certFile, second.cert)
  await troubled
  t.same(source.current(), first)
  put(second)
  t.same(await changed, second)
  t.ok(errors.length >= 1)
})

t.test('files that cannot be used at the start are an error', async (t) => {
  const { files, put } = location(t)
  t.throws(() => openCertificateFiles({ ...files, onError() {} }), { code: 'ENOENT' })
  put({ cert: first.cert, key: second.key })
  t.throws(() => openCertificateFiles({ ...files, onError() {} }), /key/i)
})
