// An ESME made of npm's `smpp`, which we did not write: binds to the port given, submits texts in
// every way it knows, and says what it is told, a JSON line each. Ends when it was unbound.
const smpp = require('smpp');
const [port, systemId, password] = process.argv.slice(2);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => {
  session.bind_transceiver({ system_id: systemId, password }, (answer) => {
    say({ bound: answer.command_status, smsc: answer.system_id });
    if (answer.command_status) return session.close();
    session.enquire_link({}, (pdu) => say({ enquired: pdu.command_status }));
    submit({ short_message: 'Hi [€5]' });
    submit({ short_message: 'Привет, где заказ?' });
    submit({ message_payload: 'A long text in one piece. '.repeat(12) });
    ['Ваш заказ ', 'в пути'].forEach((piece, at) => submit({
      short_message: { udh: Buffer.from([6, 8, 4, 1, 0x2a, 2, at + 1]), message: piece },
    }));
    ['one, ', 'two'].forEach((piece, at) => submit({
      short_message: piece,
      sar_msg_ref_num: 77,
      sar_total_segments: 2,
      sar_segment_seqnum: at + 1,
    }));
  });
});

let waiting = 7;
function submit(text) {
  session.submit_sm({
    source_addr: '1234',
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: '375291112233',
    registered_delivery: 1,
    ...text,
  }, (answer) => {
    say({ submitted: answer.command_status, id: answer.message_id });
    if (--waiting === 0) say({ all: true });
  });
}

let receipts = 0;
session.on('deliver_sm', (pdu) => {
  session.send(pdu.response());
  const text = pdu.short_message.message;
  if (pdu.esm_class & 4) {
    say({ receipt: pdu.receipted_message_id, state: pdu.message_state, text });
    if (++receipts === 7) say({ receipted: true });
  } else {
    const udh = pdu.short_message.udh;
    say({ from: pdu.source_addr, text, coding: pdu.data_coding, headed: Boolean(udh && udh.length) });
    session.unbind({}, (answer) => {
      say({ unbound: answer.command_status });
      session.close();
    });
  }
});
session.on('error', (error) => say({ error: String(error) }));
session.on('close', () => say({ closed: true }));
