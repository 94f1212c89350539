// What the clients of all SDKs share.
import { deflateSync, crc32 } from 'node:zlib';
import { z } from 'zod';

/** A JSON schema in the plain words that every dialect knows. */
export function jsonSchema(schema) {
  const { $schema, ...plain } = z.toJSONSchema(schema);
  return plain;
}

/** A red PNG of this size. */
export function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const head = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  const rows = Buffer.concat(Array.from({ length: height }, () => Buffer.from([0, ...Array(width).fill([255, 0, 0]).flat()])));
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** What a case compares of an error that an SDK raised. */
export function faultOf(error, kind, requestId, retryAfter) {
  return { typed: error instanceof kind, name: error.constructor.name, status: error.status ?? error.statusCode, requestId, retryAfter, message: String(error.message) };
}
