import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { makeCertificate } from '../../support/servers/certificates.ts'
import { startNginx, withoutNginx } from '../../support/servers/nginx.ts'

t.test(
  'the proxy passes requests unchanged, and sets the address of the client itself',
  { skip: withoutNginx },
  async (t) => {
    const certificate = await makeCertificate()
    const depot = https.createServer(certificate, async (request, response) => {
      const body = await text(request)
      response.end(JSON.stringify({ headers: request.headers, url: request.url, bytes: body.length }))
    })
    await once(depot.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => depot.close())
    const upstreams = { 'fixdepot:8443': (depot.address() as AddressInfo).port }
    const { port } = await startNginx(t, { config: 'proxy/nginx.conf', certificate, upstreams })

    function ask(method: string, body: string): Promise<Record<string, unknown> & { headers: Record<string, string> }> {
      const headers = {
        host: 'depot.example:8443',
        'x-forwarded-for': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        range: 'bytes=1-'
      }
      return new Promise((resolve, reject) => {
        const options = {
          host: '127.0.0.1',
          port,
          method,
          path: '/a%2Fb?c=%C3%A4',
          headers,
          ca: certificate.cert,
          agent: false
        }
        const request = https.request({ ...options, servername: 'localhost' }, (answer) => {
          text(answer).then((json) => resolve(JSON.parse(json)), reject)
        })
        request.on('error', reject).end(body)
      })
    }
    const { headers, url, bytes } = await ask('POST', 'x'.repeat(3_000_000))
    t.match(headers, {
      host: 'depot.example:8443',
      range: 'bytes=1-',
      'x-forwarded-for': /^127\.0\.0\.1$/,
      'x-forwarded-proto': 'https'
    })
    t.notOk('forwarded' in headers)
    t.same({ url, bytes }, { url: '/a%2Fb?c=%C3%A4', bytes: 3_000_000 }, 'URL and body are unchanged')
  }
)
