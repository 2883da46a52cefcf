import t from 'tap'
import { readableText } from '../../../../src/core/catalog/text-encoding.ts'

const TEXT = 'Gerät für 5 € \u{1f600}\r\n'
const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16()

t.test(
  'UTF-8 and UTF-16 are read with a byte order mark or without, and the mark is no part of the text',
  async (t) => {
    for (const mark of ['', '\ufeff']) {
      t.equal(readableText(Buffer.from(mark + TEXT)), TEXT)
      t.equal(readableText(Buffer.from(mark + TEXT, 'utf16le')), TEXT)
      t.equal(readableText(swapped(mark + TEXT)), TEXT)
    }
    t.equal(readableText(Buffer.alloc(0)), '')
    t.equal(readableText(Buffer.from('x')), 'x')
  }
)

t.test('what is not UTF-8 was written on Windows', async (t) => {
  t.equal(readableText(Buffer.from('Gerät, naïve', 'latin1')), 'Gerät, naïve')
  t.equal(readableText(Buffer.of(0x35, 0x20, 0x80, 0x93, 0x94)), '5 €“”')
})

t.test('an XML declaration is believed, unless nobody knows its encoding', async (t) => {
  const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><a>é</a>`
  for (const encoding of ['ISO-8859-1', 'EBCDIC-X', 'UTF-8', 'UTF-16']) {
    t.equal(readableText(Buffer.from(declared(encoding), 'latin1')), declared(encoding), encoding)
  }
})

t.test('no bytes are an error', async (t) => {
  for (const bytes of [
    [0],
    [0, 0],
    [0xff],
    [0xff, 0xfe],
    [0xff, 0xfe, 0x00],
    [0xff, 0xfe, 0x00, 0xd8],
    [0xfe, 0xff, 0xd8, 0x00, 0x41],
    [0xef, 0xbb, 0xbf, 0xff],
    [0x41, 0x00, 0x42]
  ]) {
    t.type(readableText(Uint8Array.from(bytes)), 'string', String(bytes))
  }
  const every = Uint8Array.from({ length: 256 }, (_, byte) => (byte + 0x80) % 256)
  t.equal(readableText(every).length, 256)
})
