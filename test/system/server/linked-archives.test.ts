import t, { type Test } from 'tap'
import { packageFiles } from '../../support/packages.ts'
import { makeBucket, withoutS3 } from '../../support/servers/s3-server.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const SIGNATURE = /X-Amz-Signature=([0-9a-f]{64})/

/** A server that leads downloads to its bucket, and an export that is packed. */
async function startLinking(t: Test, settings: Record<string, string> = {}) {
  const bucket = await makeBucket(t)
  const payload = Buffer.alloc(3_000_000, 'firmware that is in no other package')
  const server = await startServer(t, {
    ...makeDirectories(t, packageFiles({ fixid: 'a', payload })),
    settings: { ...bucket.settings, FIXDEPOT_S3_REDIRECT: 'yes', ...settings }
  })
  const taskid = await server.export()
  const { current } = await server.finished(taskid)
  const url = `/api/v1/exports/${taskid}/archive`
  const ask = (headers: Record<string, string> = {}, method = 'GET', path = url) =>
    server.call(path, { method, headers, redirect: 'manual' })
  return { server, bucket, taskid, current, url, ask }
}

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

t.test('archives in a bucket that are downloaded from there', { skip: withoutS3 }, async (t) => {
  t.test('who asks for a packed archive is led to the bucket, and gets the same answer there', async (t) => {
    const { server, bucket, current, url, ask } = await startLinking(t)
    const lxca = `/updateRepositories/firmware?key=export&exportRepoFilename=${current}`
    const streamed = await ask({}, 'GET', lxca)
    t.equal(streamed.status, 200, 'the door of the appliance sends by itself')
    const whole = await bytesOf(streamed)

    const led = await ask()
    t.equal(led.status, 302)
    const link = led.headers.get('location') ?? ''
    t.equal(new URL(link).origin, bucket.endpoint)
    t.match(link, SIGNATURE)
    t.match(new URL(link).searchParams.get('X-Amz-Expires'), '300')
    t.equal(led.headers.get('cache-control'), 'no-store')
    t.equal(led.headers.get('etag'), streamed.headers.get('etag'))
    t.equal(led.headers.get('content-disposition'), null)
    t.equal(await led.text(), '')

    const linked = await fetch(link)
    t.equal(linked.status, 200)
    for (const name of ['content-type', 'content-disposition', 'content-length', 'last-modified']) {
      t.equal(linked.headers.get(name), streamed.headers.get(name), name)
    }
    t.ok((await bytesOf(linked)).equals(whole))
    const part = await fetch(link, { headers: { range: 'bytes=1000000-1999999' } })
    t.equal(part.status, 206)
    t.ok((await bytesOf(part)).equals(whole.subarray(1_000_000, 2_000_000)))
    t.equal((await fetch(`${link}0`)).status, 403, 'another signature opens nothing')

    const followed = await server.call(url, { headers: { range: 'bytes=-10' } })
    t.equal(followed.status, 206, 'a client that follows repeats its range')
    t.ok((await bytesOf(followed)).equals(whole.subarray(-10)))

    const { records } = await server.json<{ records: { status: number }[] }>('/api/v1/audit?action=downloadArchive')
    t.match(records[0], { status: 302 }, 'the trail says that it was handed out')
    const [, signature = '?'] = SIGNATURE.exec(link) ?? []
    await server.stop()
    t.notMatch(server.stdout(), signature)
    t.notMatch(server.stdout(), /X-Amz-/)
    t.notMatch(server.stderr(), /X-Amz-/)
  })

  t.test('what needs no bytes, or names our own ETag, is answered by the server', async (t) => {
    const { ask } = await startLinking(t)
    const head = await ask({}, 'HEAD')
    t.equal(head.status, 200)
    const size = Number(head.headers.get('content-length'))
    const etag = head.headers.get('etag') ?? ''
    t.equal((await ask({ 'if-none-match': etag })).status, 304)
    t.equal((await ask({ 'if-modified-since': head.headers.get('last-modified') ?? '' })).status, 304)
    const behind = await ask({ range: `bytes=${size}-` })
    t.equal(behind.status, 416)
    t.equal(behind.headers.get('content-range'), `bytes */${size}`)
    t.equal((await ask({ range: 'bytes=0-9' })).status, 302)
    const resumed = await ask({ range: 'bytes=0-9', 'if-range': etag })
    t.equal(resumed.status, 206)
    t.equal((await bytesOf(resumed)).length, 10)
    const other = await ask({ range: 'bytes=0-9', 'if-range': '"another"' })
    t.equal(other.status, 200)
    t.equal((await bytesOf(other)).length, size)
    t.equal((await ask({ 'if-match': etag })).status, 200)
    t.equal((await ask({}, 'GET', '/api/v1/archive?all=true')).status, 200, 'what is not packed is nowhere else')
  })

  t.test('without the setting the server sends by itself', async (t) => {
    const { ask } = await startLinking(t, { FIXDEPOT_S3_REDIRECT: 'no' })
    const response = await ask()
    t.equal(response.status, 200)
    await response.arrayBuffer()
  })
})
