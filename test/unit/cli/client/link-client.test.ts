import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createLinkClient } from '../../../../src/cli/client/link-client.ts'

const SECRET = 'X-Amz-Signature=0123456789'

function open(t: Test, link: string) {
  const client = createLinkClient({ insecure: false, ca: undefined }, () => [], 10_000, new AbortController().signal)
  t.teardown(() => client.close())
  return client.open(link, {})
}

/** A server that answers every request with this status. */
async function answering(t: Test, status: number): Promise<string> {
  const server = http.createServer((_request, response) => response.writeHead(status).end('<Error/>'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('an error of the storage names its origin, and not the secret in the URL', async (t) => {
  for (const [status, isTransient] of [
    [403, false],
    [404, false],
    [503, true]
  ] as const) {
    const origin = await answering(t, status)
    await t.rejects(open(t, `${origin}/bucket/a.zip?${SECRET}`), {
      code: `STORAGE_HTTP_${status}`,
      message: `The server redirects to ${origin} for the archive, which answered ${status}.`,
      exitCode: 5,
      isTransient
    })
  }
})

t.test('an unreachable storage is named the same way', async (t) => {
  const origin = 'http://127.0.0.1:1'
  await t.rejects(open(t, `${origin}/a.zip?${SECRET}`), {
    message: `No server listens at ${origin}.`,
    isTransient: true
  })
})

t.test('an invalid redirect is not followed', async (t) => {
  for (const link of ['', '/docs', 'file:///etc/passwd', 'ftp://storage.example/a.zip']) {
    await t.rejects(open(t, link), { code: 'ANSWER_INVALID', exitCode: 5 }, link)
  }
})
