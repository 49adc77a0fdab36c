import type { ByteWriter } from './byte-writer.js'
import { isWellFormed, writeUtf8 } from './utf8.js'
import { UnencodableError } from './value-refusal.js'
import { bigIntBytesMax, valueTags } from './value-tags.js'

/** Texts shorter than this are written by hand: a call into the engine costs more than the loop. */
const shortText = 64

export function writeText(writer: ByteWriter, text: string): void {
  const length = text.length
  if (length >= shortText) return writeLongText(writer, text)
  writer.ensure(length + 2)
  const buffer = writer.buffer
  let position = writer.position
  if (length < 24) {
    buffer[position++] = 0x60 | length
  } else {
    buffer[position++] = 0x78
    buffer[position++] = length
  }
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return writeLongText(writer, text)
    buffer[position++] = code
  }
  writer.position = position
}

function writeLongText(writer: ByteWriter, text: string): void {
  if (!isWellFormed(text)) throw new UnencodableError('a string with half a surrogate pair, which UTF-8 cannot carry,')
  const size = Buffer.byteLength(text)
  writeHead(writer, 0x60, size)
  writer.ensure(size)
  writer.position += writeUtf8(writer.buffer, text, writer.position)
}

export function writeNumber(writer: ByteWriter, value: number): void {
  if (value >>> 0 === value) {
    if (value < 24) {
      if (value === 0 && 1 / value < 0) return writeFloat(writer, value)
      return writer.u8(value)
    }
    return writeHead(writer, 0, value)
  }
  if (!Number.isSafeInteger(value)) return writeFloat(writer, value)
  if (value < 0) writeHead(writer, 0x20, -1 - value)
  else writeHead(writer, 0, value)
}

function writeFloat(writer: ByteWriter, value: number): void {
  writer.ensure(9)
  const position = writer.position
  writer.buffer[position] = 0xfb
  writer.view.setFloat64(position + 1, value)
  writer.position = position + 9
}

export function writeDate(writer: ByteWriter, date: Date): void {
  const milliseconds = date.getTime()
  if (Number.isNaN(milliseconds)) throw new UnencodableError('an invalid Date')
  writeHead(writer, 0xc0, valueTags.date)
  writeNumber(writer, milliseconds / 1000)
}

export function writeBigInt(writer: ByteWriter, value: bigint): void {
  const negative = value < 0n
  const magnitude = negative ? -1n - value : value
  if (magnitude >= bigIntEnd) throw new UnencodableError(`a bigint of more than ${bigIntBytesMax * 8} bits`)
  writeHead(writer, 0xc0, negative ? valueTags.negativeBigInt : valueTags.positiveBigInt)
  const digits = magnitude.toString(16)
  const length = (digits.length + 1) >>> 1
  writeHead(writer, 0x40, length)
  writer.ensure(length)
  writer.position += writer.buffer.write(digits.padStart(length * 2, '0'), writer.position, 'hex')
}

const bigIntEnd = 1n << BigInt(bigIntBytesMax * 8)

/** The initial byte of an item, `major` in its upper three bits, and its argument, in the fewest bytes. */
export function writeHead(writer: ByteWriter, major: number, argument: number): void {
  writer.ensure(9)
  const buffer = writer.buffer
  let position = writer.position
  if (argument < 24) {
    buffer[position++] = major | argument
  } else if (argument < 0x100) {
    buffer[position++] = major | 24
    buffer[position++] = argument
  } else if (argument < 0x1_0000) {
    buffer[position++] = major | 25
    buffer[position++] = argument >>> 8
    buffer[position++] = argument
  } else {
    const wide = argument > 0xffff_ffff
    buffer[position++] = major | (wide ? 27 : 26)
    if (wide) {
      writer.view.setUint32(position, argument / 0x1_0000_0000)
      position += 4
    }
    writer.view.setUint32(position, argument)
    position += 4
  }
  writer.position = position
}
