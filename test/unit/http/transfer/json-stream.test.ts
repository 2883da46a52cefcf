import { text } from 'node:stream/consumers'
import t from 'tap'
import { arrayText, type JsonText, objectText, textStream } from '../../../../src/http/transfer/json-stream.ts'

async function* parts<Part>(...items: Part[]): AsyncGenerator<Part> {
  yield* items
}

const write = (json: JsonText) => text(textStream(json))

t.test('an object is written with its values, and with streams in place', async (t) => {
  const json = objectText({
    list: arrayText(parts('1', '2,3', '"4"')),
    'a "name"': { deep: [null, true] },
    last: 'ä\n'
  })
  t.equal(await write(json), '{"list":[1,2,3,"4"],"a \\"name\\"":{"deep":[null,true]},"last":"ä\\n"}')
})

t.test('empty objects and arrays are written as empty', async (t) => {
  t.equal(await write(objectText({})), '{}')
  t.equal(await write(arrayText(parts())), '[]')
  t.same(JSON.parse(await write(objectText({ list: arrayText(parts()) }))), { list: [] })
})

t.test('streams can be nested', async (t) => {
  const inner = (name: string) => objectText({ name, items: arrayText(parts('1')) })
  const json = objectText({ all: arrayText(parts(inner('a'), inner('b'))) })
  t.same(JSON.parse(await write(json)), {
    all: [
      { name: 'a', items: [1] },
      { name: 'b', items: [1] }
    ]
  })
})

t.test('an error of a source is an error of the stream', async (t) => {
  async function* failing(): AsyncGenerator<string> {
    yield '1'
    throw new Error('no more')
  }
  await t.rejects(write(objectText({ list: arrayText(failing()) })), { message: 'no more' })
})

t.test('a reader that stops early lets the source clean up', async (t) => {
  let isClosed = false
  async function* endless(): AsyncGenerator<string> {
    try {
      for (;;) yield '0'
    } finally {
      isClosed = true
    }
  }
  for await (const _ of textStream(arrayText(endless()))) break
  t.ok(isClosed)
})
