import t from 'tap'
import { parseMachineTypes } from '../../../src/metadata/machine-types.ts'

const typesOf = (...items: string[]) => parseMachineTypes(items).map(({ type }) => type)

t.test('a type stands in brackets behind the name of its machine', async (t) => {
  t.strictSame(parseMachineTypes(['ThinkSystem SR650 [7X05]', ' Flex System x240  [8737] ', '[7X06]', 'SR650[7X07]']), [
    { type: '7X05', name: 'ThinkSystem SR650' },
    { type: '8737', name: 'Flex System x240' },
    { type: '7X06', name: '' },
    { type: '7X07', name: 'SR650' }
  ])
})

t.test('brackets may hold several types, parted by commas', async (t) => {
  t.strictSame(parseMachineTypes(['SR650 [7X05,7X06 , 7X07]', 'SR630 [,7X01,]']), [
    { type: '7X05', name: 'SR650' },
    { type: '7X06', name: 'SR650' },
    { type: '7X07', name: 'SR650' },
    { type: '7X01', name: 'SR630' }
  ])
})

t.test('an item without brackets is a type when it has the form of one', async (t) => {
  t.strictSame(parseMachineTypes(['7X05', ' 8737 ']), [
    { type: '7X05', name: '' },
    { type: '8737', name: '' }
  ])
})

t.test('the first of equal types counts', async (t) => {
  t.strictSame(parseMachineTypes(['SR650 [7X05]', '7X05', 'Other [7X05]']), [{ type: '7X05', name: 'SR650' }])
})

t.test('an item may have several brackets, each with its types', async (t) => {
  t.strictSame(typesOf('ThinkSystem SR650 [7X05] [7X06]', 'SR630 [7X01], [7X02]'), ['7X05', '7X06', '7X01', '7X02'])
})

t.test('what stands in brackets and does not have four characters is no type', async (t) => {
  t.strictSame(typesOf('Flex System x240 [E5-2600 v2] [8737]', 'ThinkSystem SR650 [all]'), ['8737'])
})

t.test('items that hold no type are left out', async (t) => {
  t.strictSame(
    typesOf(
      '',
      ' ',
      'None',
      'ThinkSystem SR650',
      '7x05',
      '7X055',
      '7X',
      'x [7X05',
      'x 7X05]',
      'x []',
      'y [ ]',
      'z [,]'
    ),
    []
  )
})
