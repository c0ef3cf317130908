// An SMSC made of npm's `smpp`, which we did not write: what it says it heard goes to stdout, a
// JSON line each. It answers every submit with an id, then sends a receipt; a text "ping" makes
// it check the link and send a text of a person's in two parts.
const smpp = require('smpp');
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
let submitted = 0;

const server = smpp.createServer((session) => {
  session.on('error', (error) => say({ error: String(error) }));
  session.on('bind_transceiver', (pdu) => {
    const known = pdu.system_id === 'shop' && pdu.password === 'secret';
    say({ bind: pdu.system_id, known });
    session.send(
      pdu.response({ command_status: known ? 0 : smpp.ESME_RINVPASWD, system_id: 'node' }),
    );
  });
  session.on('submit_sm', (pdu) => {
    const id = `id-${++submitted}`;
    const udh = pdu.short_message.udh;
    const payload = pdu.message_payload;
    say({
      to: pdu.destination_addr,
      from: pdu.source_addr,
      coding: pdu.data_coding,
      text: payload ? payload.message : pdu.short_message.message,
      udh: udh ? udh.map((element) => element.toString('hex')) : [],
      sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum],
      validity: pdu.validity_period,
      registered: pdu.registered_delivery,
      priority: pdu.priority_flag,
      service: pdu.service_type,
    });
    if (pdu.destination_addr === '375290000058') {
      return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    }
    session.send(pdu.response({ message_id: id }));
    session.deliver_sm({
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:`,
      receipted_message_id: id,
      message_state: 2,
    }, (answer) => say({ receipt: id, status: answer.command_status }));
    if (pdu.short_message.message === 'ping') ping(session);
  });
  session.on('query_sm', (pdu) => {
    say({ query: pdu.message_id, from: pdu.source_addr });
    const known = pdu.message_id.startsWith('id-');
    session.send(pdu.response(known
      ? { message_id: pdu.message_id, final_date: '', message_state: 5, error_code: 12 }
      : { command_status: smpp.ESME_RQUERYFAIL }));
  });
  session.on('enquire_link', (pdu) => {
    say({ checked: true });
    session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    say({ unbind: true });
    session.send(pdu.response());
    session.close();
  });
});

function ping(session) {
  session.enquire_link({}, (answer) => say({ enquired: answer.command_status }));
  ['Привет, ', 'где заказ?'].forEach((piece, at) => {
    const header = Buffer.from([0x05, 0x00, 0x03, 0x2a, 2, at + 1]);
    session.deliver_sm({
      source_addr_ton: 1,
      source_addr: '375291112233',
      destination_addr: '1234',
      short_message: { udh: header, message: piece },
    }, (answer) => say({ inbound: at + 1, status: answer.command_status }));
  });
}

server.listen(0, '127.0.0.1', () => say({ port: server.server?.address().port ?? server.address().port }));
