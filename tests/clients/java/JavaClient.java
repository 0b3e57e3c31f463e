// The HiveMQ client for Java against a server: `JavaClient 3|5 tcp|tls|ws PORT TOPIC [CA.pem]`.
// Uses what the client offers, prints a line for each thing that came, and ends with 0.

import com.hivemq.client.mqtt.MqttClient;
import com.hivemq.client.mqtt.MqttClientBuilder;
import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt3.Mqtt3BlockingClient;
import com.hivemq.client.mqtt.mqtt3.message.publish.Mqtt3Publish;
import com.hivemq.client.mqtt.mqtt5.Mqtt5BlockingClient;
import com.hivemq.client.mqtt.mqtt5.message.connect.connack.Mqtt5ConnAck;
import com.hivemq.client.mqtt.mqtt5.message.disconnect.Mqtt5DisconnectReasonCode;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5PayloadFormatIndicator;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.TrustManagerFactory;

public final class JavaClient {
  private static final MqttQos[] QOS = MqttQos.values();
  private final String transport;
  private final int port;
  private final String topic;
  private final String authority;

  private JavaClient(String[] arguments) {
    transport = arguments[1];
    port = Integer.parseInt(arguments[2]);
    topic = arguments[3];
    authority = arguments.length > 4 ? arguments[4] : null;
  }

  public static void main(String[] arguments) throws Exception {
    // Whatever the locale.
    System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, "UTF-8"));
    JavaClient client = new JavaClient(arguments);
    if (arguments[0].equals("5")) client.run5();
    else client.run3();
    System.exit(0);  // the client's own threads would stay a while
  }

  private MqttClientBuilder builder(String name) throws Exception {
    MqttClientBuilder builder =
        MqttClient.builder().identifier(name + "-" + port).serverHost("127.0.0.1").serverPort(port);
    if (transport.equals("ws"))
      builder = builder.webSocketConfig().serverPath("mqtt").applyWebSocketConfig();
    if (!transport.equals("tls")) return builder;
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (FileInputStream file = new FileInputStream(authority)) {
      trusted.setCertificateEntry(
          "authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(trusted);
    return builder.sslConfig().trustManagerFactory(factory).applySslConfig();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private void run5() throws Exception {
    Mqtt5BlockingClient reader = builder("java-reader").useMqttVersion5().buildBlocking();
    Mqtt5BlockingClient.Mqtt5Publishes inbox = reader.publishes(MqttGlobalPublishFilter.ALL);
    Mqtt5ConnAck answer =
        reader.connectWith().cleanStart(true).sessionExpiryInterval(300).keepAlive(20).send();
    System.out.println("connected " + answer.getReasonCode() + " " + answer.isSessionPresent());
    reader.subscribeWith()
        .addSubscription().topicFilter(topic + "/#").qos(MqttQos.EXACTLY_ONCE)
        .retainAsPublished(true).applySubscription()
        .addSubscription().topicFilter(topic + "/+").qos(MqttQos.AT_MOST_ONCE).applySubscription()
        .send();

    Mqtt5BlockingClient writer = builder("java-writer").useMqttVersion5().buildBlocking();
    writer.connectWith()
        .willPublish().topic(topic + "/will").payload(bytes("gone")).qos(MqttQos.AT_LEAST_ONCE)
        .delayInterval(0).applyWillPublish()
        .restrictions().receiveMaximum(10).topicAliasMaximum(5).applyRestrictions()
        .send();
    for (MqttQos qos : QOS)
      writer.publishWith().topic(topic + "/" + qos.getCode()).qos(qos)
          .payload(bytes("né " + qos.getCode()))
          .payloadFormatIndicator(Mqtt5PayloadFormatIndicator.UTF_8)
          .contentType("text/plain").responseTopic("answers").correlationData(bytes("c"))
          .messageExpiryInterval(500).retain(qos == MqttQos.AT_LEAST_ONCE)
          .userProperties().add("b", "1").add("a", "2").add("b", "3").applyUserProperties()
          .send();
    show5(inbox, QOS.length);
    writer.disconnectWith()
        .reasonCode(Mqtt5DisconnectReasonCode.DISCONNECT_WITH_WILL_MESSAGE).send();
    show5(inbox, 1);

    reader.disconnect();
    Mqtt5BlockingClient late = builder("java-late").useMqttVersion5().buildBlocking();
    late.connect();
    late.publishWith().topic(topic + "/away").qos(MqttQos.AT_LEAST_ONCE).payload(bytes("kept"))
        .send();
    answer = reader.connectWith().cleanStart(false).sessionExpiryInterval(0).send();
    System.out.println("again " + answer.getReasonCode() + " " + answer.isSessionPresent());
    show5(inbox, 1);
    reader.unsubscribeWith().addTopicFilter(topic + "/#").send();
    reader.disconnect();
    late.disconnect();
  }

  private static void show5(Mqtt5BlockingClient.Mqtt5Publishes inbox, int count) throws Exception {
    for (int i = 0; i < count; ++i) {
      Mqtt5Publish message = inbox.receive(10, TimeUnit.SECONDS).orElseThrow();
      StringBuilder line = new StringBuilder(message.getTopic().toString());
      line.append(' ').append(message.getQos().getCode()).append(' ').append(message.isRetain());
      line.append(" '").append(new String(message.getPayloadAsBytes(), StandardCharsets.UTF_8));
      line.append('\'');
      message.getContentType().ifPresent(type -> line.append(' ').append(type));
      message.getResponseTopic().ifPresent(response -> line.append(' ').append(response));
      message.getPayloadFormatIndicator().ifPresent(form -> line.append(' ').append(form));
      message.getUserProperties().asList().forEach(
          each -> line.append(' ').append(each.getName()).append('=').append(each.getValue()));
      System.out.println(line);
    }
  }

  private void run3() throws Exception {
    Mqtt3BlockingClient reader = builder("java-reader").useMqttVersion3().buildBlocking();
    Mqtt3BlockingClient.Mqtt3Publishes inbox = reader.publishes(MqttGlobalPublishFilter.ALL);
    System.out.println("connected "
        + reader.connectWith().cleanSession(false).keepAlive(20).send().isSessionPresent());
    reader.subscribeWith().topicFilter(topic + "/#").qos(MqttQos.EXACTLY_ONCE).send();

    Mqtt3BlockingClient writer = builder("java-writer").useMqttVersion3().buildBlocking();
    writer.connectWith().cleanSession(true)
        .willPublish().topic(topic + "/will").payload(bytes("gone")).applyWillPublish().send();
    for (MqttQos qos : QOS)
      writer.publishWith().topic(topic + "/" + qos.getCode()).qos(qos)
          .payload(bytes("né " + qos.getCode())).send();
    show3(inbox, QOS.length);
    reader.disconnect();
    writer.publishWith().topic(topic + "/away").qos(MqttQos.EXACTLY_ONCE).payload(bytes("kept"))
        .send();
    writer.disconnect();
    System.out.println("again "
        + reader.connectWith().cleanSession(false).send().isSessionPresent());
    show3(inbox, 1);
    reader.unsubscribeWith().topicFilter(topic + "/#").send();
    reader.disconnect();
  }

  private static void show3(Mqtt3BlockingClient.Mqtt3Publishes inbox, int count) throws Exception {
    for (int i = 0; i < count; ++i) {
      Mqtt3Publish message = inbox.receive(10, TimeUnit.SECONDS).orElseThrow();
      System.out.println(message.getTopic() + " " + message.getQos().getCode() + " "
          + message.isRetain() + " '"
          + new String(message.getPayloadAsBytes(), StandardCharsets.UTF_8) + "'");
    }
  }
}
